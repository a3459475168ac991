import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { freshGate, freshKey, post } from '../harness/request.ts';
import { useGateway, useOrigin } from '../harness/use.ts';

const ADMIN_TOKEN = 'the-admin-token-of-the-tests';
/** `cancelAfterSeconds` of the route, and as long again. */
const LONG_GONE_MS = 2_500;
/** Two processes of one machine may read its clock so differently. */
const CLOCK_MS = 20;

const origin = useOrigin();
const gateway = useGateway(() => ({
  vars: {
    UPSTREAM_URL: origin.url,
    ADMIN_TOKEN,
    ROUTES: [
      { path: '/soon/*', stripPrefix: '/soon', cancelAfterSeconds: 1 },
      { path: '/at-once/*', stripPrefix: '/at-once', cancelAfterSeconds: 0 },
      { path: '/refuse/*', stripPrefix: '/refuse', cancelAfterSeconds: 0, unknownOutcome: 'refuse' },
      { path: '/told/*', stripPrefix: '/told', cancelAfterSeconds: 0, respondAsync: true },
      { path: '/*' },
    ],
  },
}));

/**
 * A client that leaves when it is told to. It resets its connection: one that only closes it is not known to
 * be gone, over bare TCP, before something is sent to it.
 */
function leaving(url: string, key: string) {
  const sent = request(url, {
    method: 'POST',
    agent: false,
    headers: { 'idempotency-key': key, 'accept-encoding': 'identity' },
  });
  const first = Promise.withResolvers<string>();
  sent.on('error', () => {});
  sent.on('response', (response) => {
    response.on('error', () => {});
    response.once('data', (data) => first.resolve(String(data)));
  });
  sent.end();
  return { first: first.promise, leave: () => sent.socket?.resetAndDestroy() };
}

async function operator(path: string): Promise<Response> {
  return fetch(`${gateway.url}/_oncegate${path}`, { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } });
}

test.each(['soon', 'at-once'])(
  'a run whose only client leaves before the head is ended, its connection closed, and a retry runs again: %s',
  async (route) => {
    const [key, gate] = [freshKey(), freshGate()];
    const url = `${gateway.url}/${route}/held/${gate}`;
    const client = leaving(url, key);
    await origin.arrived(gate);
    client.leave();
    await origin.closed(gate);
    await origin.open(gate);
    expect((await post(url, key)).headers.get('cache-status')).toBe('oncegate; fwd=miss; stored');
    expect(await origin.runs(key)).toHaveLength(2);
  },
);

test.each(['soon', 'at-once'])('a stream whose only client leaves is ended: %s', async (route) => {
  const [key, gate] = [freshKey(), freshGate()];
  const client = leaving(`${gateway.url}/${route}/sse/${gate}`, key);
  expect(await client.first).toBe('data: first of run 1\n\n');
  client.leave();
  await origin.closed(gate);
  await expect
    .poll(() => gateway.output.filter((line) => line.includes('execution-cancelled')).length)
    .toBeGreaterThan(0);
});

test.each([
  ['at-once', 0, 'held', 'before its head'],
  ['soon', 1_000, 'held', 'before its head'],
  ['at-once', 0, 'ticking', 'in mid-stream'],
  ['soon', 1_000, 'ticking', 'in mid-stream'],
])(
  'the origin sees its connection closed when its time has come: %s, %d ms, %s, %s',
  async (route, afterMs, behaviour) => {
    const [key, name] = [freshKey(), freshGate()];
    const client = leaving(`${gateway.url}/${route}/${behaviour}/${name}`, key);
    await (behaviour === 'held' ? origin.arrived(name) : client.first);
    const leftAt = Date.now();
    client.leave();
    await origin.closed(name);
    const { requestAt, headAt, lastByteAt, closedAt } = await origin.times(name);
    const sinceLeft = (at: number | null) => (at ?? Number.NaN) - leftAt;
    expect(sinceLeft(requestAt)).toBeLessThanOrEqual(CLOCK_MS);
    expect(sinceLeft(closedAt)).toBeGreaterThanOrEqual(afterMs - CLOCK_MS);
    if (behaviour === 'held') {
      expect([headAt, lastByteAt]).toEqual([null, null]);
    } else {
      expect(sinceLeft(headAt)).toBeLessThanOrEqual(CLOCK_MS);
      // It was read until then, or so, and nothing was said after it.
      expect(sinceLeft(lastByteAt)).toBeGreaterThan(afterMs / 2 - 500);
      expect(lastByteAt ?? 0).toBeLessThanOrEqual(closedAt ?? 0);
    }
  },
);

test('under `refuse`, a cancelled run is an unknown outcome, and the operator sees why', async () => {
  const [key, gate] = [freshKey(), freshGate()];
  const client = leaving(`${gateway.url}/refuse/held/${gate}`, key);
  await origin.arrived(gate);
  client.leave();
  await origin.closed(gate);
  const listed = async () => (await (await operator(`/executions?key=${key}`)).json()).executions[0];
  await expect.poll(listed, { timeout: 30_000 }).toMatchObject({ state: 'unknown', cause: 'cancelled' });
  const retry = await post(`${gateway.url}/refuse/held/${gate}`, key);
  expect(retry.status).toBe(409);
  expect(await origin.runs(key)).toHaveLength(1);
  const metric = async () => (await operator('/metrics')).text();
  await expect
    .poll(metric, { timeout: 20_000 })
    .toMatch(/oncegate_cancelled_total\{route="\/refuse\/\*"\} [1-9]/);
});

test('a client that comes back in time keeps the run alive, and so does one that joined it', async () => {
  const [key, gate] = [freshKey(), freshGate()];
  const url = `${gateway.url}/soon/held/${gate}`;
  const first = leaving(url, key);
  await origin.arrived(gate);
  first.leave();
  const back = leaving(url, key);
  const joined = post(url, key);
  await sleep(LONG_GONE_MS);
  back.leave();
  await sleep(LONG_GONE_MS);
  await origin.open(gate);
  expect((await joined).headers.get('cache-status')).toBe('oncegate; fwd=miss; collapsed');
  expect(await origin.runs(key)).toHaveLength(1);
  expect((await post(url, key)).headers.get('idempotent-replayed')).toBe('true');
});

test('a run is not left where somebody was told that it runs and to come back', async () => {
  const [key, gate] = [freshKey(), freshGate()];
  const path = `/told/held/${gate}`;
  const client = leaving(`${gateway.url}${path}`, key);
  await origin.arrived(gate);
  const ask = () => fetch(`${gateway.url}/_oncegate/results${path}`, { headers: { 'idempotency-key': key } });
  expect((await ask()).status).toBe(202);
  client.leave();
  await sleep(LONG_GONE_MS);
  await origin.open(gate);
  await expect.poll(async () => (await ask()).status, { timeout: 20_000 }).toBe(200);
  expect(await origin.runs(key)).toHaveLength(1);
});

test('without the setting, a run that its clients have left goes on to its end', async () => {
  const [key, gate] = [freshKey(), freshGate()];
  const url = `${gateway.url}/held/${gate}`;
  const client = leaving(url, key);
  await origin.arrived(gate);
  client.leave();
  await sleep(LONG_GONE_MS);
  await origin.open(gate);
  await (await post(url, key)).text();
  expect(await origin.runs(key)).toHaveLength(1);
});

test('a silent stream whose client stays goes on, whatever else happens meanwhile', async () => {
  const [key, gate] = [freshKey(), freshGate()];
  const response = await post(`${gateway.url}/at-once/sse/${gate}`, key);
  // Enough for what nobody refers to any more to be collected.
  for (let n = 0; n < 40; n += 1) {
    const others = Array.from({ length: 20 }, () => post(`${gateway.url}/at-once/bytes/200000`, freshKey()));
    for (const other of others) await (await other).arrayBuffer();
  }
  await origin.open(gate);
  expect(await response.text()).toBe('data: first of run 1\n\ndata: last\n\n');
});
