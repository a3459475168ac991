import { expect, test } from 'vitest';
import { startGateway } from '../harness/gateway.ts';
import { freshGate, freshKey, post } from '../harness/request.ts';
import { useFolder, useOrigin } from '../harness/use.ts';

const origin = useOrigin();
const storage = useFolder();

function start(faulty = false) {
  return startGateway({
    storage,
    faulty,
    vars: {
      UPSTREAM_URL: origin.url,
      HOT_SECONDS: '1',
      ROUTES: [
        { path: '/refuse/*', stripPrefix: '/refuse', unknownOutcome: 'refuse' },
        { path: '/alone/*', stripPrefix: '/alone', resultsFromBytes: 1000 },
        { path: '/*' },
      ],
    },
  });
}

test('a result that a client has seen survives the death of the gateway', async () => {
  const key = freshKey();
  const before = await start();
  expect(await (await post(`${before.url}/count`, key)).json()).toEqual({ run: 1 });
  await before.kill();

  const after = await start();
  const replay = await post(`${after.url}/count`, key);
  expect(replay.headers.get('idempotent-replayed')).toBe('true');
  expect(await replay.json()).toEqual({ run: 1 });
  await after.stop();
});

test('a run that the gateway’s death cut off is unknown: `retry` runs it again, `refuse` does not', async () => {
  const [retried, refused] = [freshKey(), freshKey()];
  const gate = freshGate();
  const before = await start();
  const lost = [
    post(`${before.url}/held/${gate}`, retried),
    post(`${before.url}/refuse/held/${gate}2`, refused),
  ];
  const settled = Promise.allSettled(lost);
  await origin.arrived(gate);
  await origin.arrived(`${gate}2`);
  await before.kill();
  for (const result of await settled) expect(result.status).toBe('rejected');

  const after = await start();
  await origin.open(gate);
  expect(await (await post(`${after.url}/held/${gate}`, retried)).json()).toEqual({ run: 2 });
  const refusal = await post(`${after.url}/refuse/held/${gate}2`, refused);
  expect(refusal.status).toBe(409);
  expect(await refusal.json()).toMatchObject({ type: `${after.url}/_oncegate/problems/outcome-unknown` });
  expect(await origin.runs(refused)).toHaveLength(1);
  await after.stop();
});

test('a result in the ledger alone has to wait until the ledger can be reached again, and is not run anew', async () => {
  const key = freshKey();
  const gateway = await start(true);
  const url = `${gateway.url}/alone/count`;
  await post(url, key);
  await fetch(`${gateway.url}/_fault/ledger`, { method: 'POST' });
  const refused = await post(url, key);
  expect(refused.status).toBe(503);
  expect(await refused.json()).toMatchObject({
    type: `${gateway.url}/_oncegate/problems/ledger-unavailable`,
  });
  await fetch(`${gateway.url}/_fault/ledger`, { method: 'DELETE' });
  expect((await post(url, key)).headers.get('idempotent-replayed')).toBe('true');
  expect(await origin.runs(key)).toHaveLength(1);
  await gateway.stop();
});

test('while the ledger is out of reach, recorded results are replayed and nothing else is sent', async () => {
  const [recorded, fresh] = [freshKey(), freshKey()];
  const gateway = await start(true);
  await post(`${gateway.url}/count`, recorded, { body: 'order' });
  await fetch(`${gateway.url}/_fault/ledger`, { method: 'POST' });

  // The record reaches KV in the background.
  await expect
    .poll(async () => (await post(`${gateway.url}/count`, recorded, { body: 'order' })).status, {
      timeout: 20_000,
    })
    .toBe(200);
  const replay = await post(`${gateway.url}/count`, recorded, { body: 'order' });
  expect(replay.headers.get('idempotent-replayed')).toBe('true');
  expect(replay.headers.get('cache-status')).toMatch(/^oncegate; hit; ttl=\d+$/);
  expect((await post(`${gateway.url}/count`, recorded, { body: 'other' })).status).toBe(422);

  const unavailable = await post(`${gateway.url}/count`, fresh);
  expect(unavailable.status).toBe(503);
  expect(unavailable.headers.get('retry-after')).toBe('2');
  expect(await unavailable.json()).toMatchObject({
    type: `${gateway.url}/_oncegate/problems/ledger-unavailable`,
    key: fresh,
  });
  expect(await origin.runs(fresh)).toHaveLength(0);

  await fetch(`${gateway.url}/_fault/ledger`, { method: 'DELETE' });
  expect((await post(`${gateway.url}/count`, fresh)).status).toBe(200);
  await gateway.stop();
});

test.each(['', '?chunked'])('a response of several pieces is replayed from RESULTS too (%s)', async (how) => {
  const key = freshKey();
  const gateway = await start(true);
  const url = `${gateway.url}/bytes/3000000${how}`;
  const first = await (await post(url, key)).arrayBuffer();
  await fetch(`${gateway.url}/_fault/ledger`, { method: 'POST' });
  await expect.poll(async () => (await post(url, key)).status, { timeout: 20_000 }).toBe(200);
  const replay = await post(url, key);
  expect(replay.headers.get('idempotent-replayed')).toBe('true');
  expect(Buffer.from(await replay.arrayBuffer()).equals(Buffer.from(first))).toBe(true);
  await gateway.stop();
});

test('while KV is out of reach nothing waits and nothing is lost, long past HOT_SECONDS', async () => {
  const key = freshKey();
  const gateway = await start(true);
  await fetch(`${gateway.url}/_fault/kv`, { method: 'POST' });
  expect((await post(`${gateway.url}/count`, key)).status).toBe(200);
  // The sweep that would drop the body has been and has not.
  await expect
    .poll(() => gateway.output.filter((line) => line.includes('results-write-failed')).length, {
      timeout: 20_000,
    })
    .toBeGreaterThan(1);
  const replay = await post(`${gateway.url}/count`, key);
  expect(replay.headers.get('idempotent-replayed')).toBe('true');
  expect(await replay.json()).toEqual({ run: 1 });
  await gateway.stop();
});
