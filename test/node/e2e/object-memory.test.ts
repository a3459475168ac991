import { expect, test } from 'vitest';
import { CALM_KV, KvServer } from '../chaos/kv-server.ts';
import { attachGauge } from '../harness/memory-gauge.ts';
import { BOUNDS, load, startLoadedUpstream } from '../harness/object-load.ts';
import { use, useGateway } from '../harness/use.ts';

const MIB = 1024 * 1024;

const kv = use(
  async () => {
    const server = new KvServer(1, CALM_KV);
    return { url: await server.start(), stop: () => server.stop() };
  },
  ({ stop }) => stop(),
);
const upstream = use(startLoadedUpstream, ({ stop }) => stop());
const gateway = useGateway(() => ({
  vars: { UPSTREAM_URL: upstream.url, LEDGER_SHARDS: 1 },
  kvUrl: kv.url,
  inspected: true,
}));
const gauge = use(
  () => attachGauge(gateway),
  (attached) => attached.close(),
);

/** The same with ten times as much: `npx node test/node/soak/memory.ts`. */
const SMALL_LOAD = {
  responses: 20,
  responseBytes: 2 * MIB,
  requests: 24,
  requestBytes: 10 * MIB,
  streams: 100,
  stalledReaders: 40,
  recordedBytes: 20 * MIB,
};

test('one caller who wants all the memory is refused before there is none, and another is answered meanwhile', async () => {
  const before = await gauge.usage();
  const held: number[] = [];
  const outcome = await load(gateway.url, upstream, SMALL_LOAD, async () => {
    const { bufferBytes, heapBytes, residentBytes } = await gauge.usage();
    held.push(bufferBytes);
    expect(bufferBytes).toBeLessThan(BOUNDS.bufferBytes);
    expect(bufferBytes + heapBytes).toBeLessThan(BOUNDS.isolateBytes);
    const connections =
      SMALL_LOAD.responses + SMALL_LOAD.requests + SMALL_LOAD.streams + SMALL_LOAD.stalledReaders;
    expect(residentBytes - before.residentBytes).toBeLessThan(BOUNDS.processBytes(connections));
  });
  // It was a load: some of the large requests were let in, and wait.
  expect(Math.max(...held)).toBeGreaterThan(SMALL_LOAD.requestBytes);
  const { '200': answered, ...refused } = Object.fromEntries(outcome.answers);
  expect(answered).toBe(SMALL_LOAD.responses + SMALL_LOAD.streams);
  expect(['429 caller-limit', '503 gateway-busy']).toEqual(expect.arrayContaining(Object.keys(refused)));
  const letIn = SMALL_LOAD.requests - Object.values(refused).reduce((sum, count) => sum + count, 0);
  expect(letIn * SMALL_LOAD.requestBytes).toBeLessThan(BOUNDS.bufferBytes);
  expect(outcome.oneReaderMore).toBe('429 caller-limit');
  expect(outcome.others).toEqual([200, 200, 200]);
  expect(outcome.whole).toBe(SMALL_LOAD.responses);
});
