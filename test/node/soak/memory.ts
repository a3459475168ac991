/**
 * The memory of one ledger object under all that one caller can ask of it:
 * `npx node test/node/soak/memory.ts [--part N]`. It takes some 5 GB of disk and several minutes; `--part 4`
 * is a quarter of it.
 */
import { parseArgs } from 'node:util';
import { CALM_KV, KvServer } from '../chaos/kv-server.ts';
import bundle from '../harness/bundle.ts';
import '../harness/signals.ts';
import { startGateway } from '../harness/gateway.ts';
import { attachGauge } from '../harness/memory-gauge.ts';
import { BOUNDS, load, startLoadedUpstream } from '../harness/object-load.ts';

const MIB = 1024 * 1024;

const { values: flags } = parseArgs({ options: { part: { type: 'string' } } });
const part = (count: number) => Math.ceil(count / Number(flags.part ?? 1));
const LOAD = {
  responses: part(200),
  responseBytes: 20 * MIB,
  requests: part(64),
  requestBytes: 10 * MIB,
  streams: part(500),
  // More of them than one caller may have.
  stalledReaders: 40,
  recordedBytes: 20 * MIB,
};
const CONNECTIONS = LOAD.responses + LOAD.requests + LOAD.streams + LOAD.stalledReaders;

bundle();
const kv = new KvServer(1, CALM_KV);
const kvUrl = await kv.start();
const upstream = await startLoadedUpstream();
const gateway = await startGateway({
  vars: { UPSTREAM_URL: upstream.url, LEDGER_SHARDS: 1 },
  kvUrl,
  inspected: true,
});
const gauge = await attachGauge(gateway);
const before = await gauge.usage();
let usage = before;
const outcome = await load(gateway.url, upstream, LOAD, async () => {
  usage = await gauge.usage();
});
gauge.close();
await gateway.kill();
upstream.stop();
kv.stop();

const grown = usage.residentBytes - before.residentBytes;
const rows: [what: string, bytes: number, bound: number][] = [
  ['array buffers', usage.bufferBytes, BOUNDS.bufferBytes],
  ['the isolate', usage.bufferBytes + usage.heapBytes, BOUNDS.isolateBytes],
  ['the process, more than at its start', grown, BOUNDS.processBytes(CONNECTIONS)],
];
for (const [what, bytes, bound] of rows) {
  const [is, most] = [bytes, bound].map((value) => (value / MIB).toFixed(0).padStart(5));
  console.log(`${what.padEnd(37)} ${is} MiB of ${most}  ${bytes < bound ? 'held' : 'BROKEN'}`);
}
for (const [told, count] of outcome.answers)
  console.log(`${String(count).padStart(5)} requests told ${told}`);
console.log(
  `one reader more is told ${outcome.oneReaderMore}; another caller gets ${outcome.others.join(', ')}`,
);
console.log(`${outcome.whole} of ${LOAD.responses} running responses came whole in the end`);
const isHeld =
  rows.every(([, bytes, bound]) => bytes < bound) &&
  outcome.oneReaderMore === '429 caller-limit' &&
  outcome.others.every((status) => status === 200) &&
  outcome.whole === LOAD.responses;
process.exit(isHeld ? 0 : 1);
