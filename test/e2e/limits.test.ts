import { afterAll, beforeAll, expect, test } from 'vitest';
import { startGateway } from './harness/gateway.ts';
import { type Origin, startOrigin } from './harness/origin.ts';
import type { RunningScript } from './harness/process.ts';
import { freshGate, freshKey, post } from './harness/request.ts';

let origin: Origin;
let gateway: RunningScript;

beforeAll(async () => {
  origin = await startOrigin();
  gateway = await startGateway({
    vars: {
      UPSTREAM_URL: origin.url,
      ROUTES: [
        { path: '/running/*', stripPrefix: '/running', shards: 1, maxRunningPerCaller: 1 },
        { path: '/stored/*', stripPrefix: '/stored', shards: 1, maxStoredBytesPerCaller: 100_000 },
      ],
    },
  });
});

afterAll(async () => {
  await gateway?.stop();
  await origin?.stop();
});

const alice = { headers: { authorization: 'Bearer alice' } };
const bob = { headers: { authorization: 'Bearer bob' } };

async function expectCallerLimit(response: Response, retryAfter: string): Promise<void> {
  expect(response.status).toBe(429);
  expect(response.headers.get('retry-after')).toBe(retryAfter);
  expect((await response.json()).type).toMatch(/\/_oncegate\/problems\/caller-limit$/);
}

test('a caller with as many requests running as it may have is told to wait; another caller is not', async () => {
  const [key, gate] = [freshKey(), freshGate()];
  const running = post(`${gateway.url}/running/held/${gate}`, key, alice);
  await origin.arrived(gate);
  const refusedKey = freshKey();
  await expectCallerLimit(await post(`${gateway.url}/running/count`, refusedKey, alice), '1');
  expect(await origin.runs(refusedKey)).toHaveLength(0);
  expect((await post(`${gateway.url}/running/count`, freshKey(), bob)).status).toBe(200);
  // To join what runs is no execution more.
  const joined = post(`${gateway.url}/running/held/${gate}`, key, alice);
  await origin.open(gate);
  expect((await running).status).toBe(200);
  expect((await joined).status).toBe(200);
  expect((await post(`${gateway.url}/running/count`, freshKey(), alice)).status).toBe(200);
});

test('a caller with as much stored as it may have starts nothing new, and still gets its replays', async () => {
  const key = freshKey();
  await (await post(`${gateway.url}/stored/bytes/200000`, key, alice)).arrayBuffer();
  await expectCallerLimit(await post(`${gateway.url}/stored/count`, freshKey(), alice), '60');
  expect((await post(`${gateway.url}/stored/count`, freshKey(), bob)).status).toBe(200);
  const replay = await post(`${gateway.url}/stored/bytes/200000`, key, alice);
  expect(replay.headers.get('idempotent-replayed')).toBe('true');
});

test('with a rate limiter bound, a caller that sends too fast is told to wait; another caller is not', async () => {
  const limited = await startGateway({ vars: { UPSTREAM_URL: origin.url }, requestsPerMinute: 3 });
  const statuses: number[] = [];
  for (let request = 0; request < 5; request += 1) {
    statuses.push((await post(`${limited.url}/count`, freshKey(), alice)).status);
  }
  expect(statuses).toEqual([200, 200, 200, 429, 429]);
  await expectCallerLimit(await post(`${limited.url}/count`, freshKey(), alice), '10');
  expect((await post(`${limited.url}/count`, freshKey(), bob)).status).toBe(200);
  await limited.stop();
});
