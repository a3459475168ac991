import { expect, test } from 'vitest';
import { startGateway } from '../harness/gateway.ts';
import { freshGate, freshKey, post } from '../harness/request.ts';
import { useFolder, useOrigin } from '../harness/use.ts';

const TOKEN = 'the-admin-token-of-the-tests';

const origin = useOrigin();
const storage = useFolder();

function start(faulty = false) {
  return startGateway({
    storage,
    faulty,
    vars: {
      UPSTREAM_URL: origin.url,
      ADMIN_TOKEN: TOKEN,
      LEDGER_SHARDS: '2',
      ROUTES: [
        { path: '/refuse/*', stripPrefix: '/refuse', unknownOutcome: 'refuse' },
        { path: '/alone/*', stripPrefix: '/alone', resultsFromBytes: 1000 },
        { path: '/*' },
      ],
    },
  });
}

function operator(url: string, path: string, method = 'GET'): Promise<Response> {
  return fetch(`${url}/_oncegate${path}`, { method, headers: { authorization: `Bearer ${TOKEN}` } });
}

interface Execution {
  readonly id: string;
  readonly state: string;
  readonly sentAt: string | null;
  readonly headAt: string | null;
}

async function find(url: string, key: string): Promise<Execution | undefined> {
  const list: { executions: Execution[] } = await (await operator(url, `/executions?key=${key}`)).json();
  return list.executions[0];
}

test('a running execution shows how far it is, and afterwards who joined it', async () => {
  const key = freshKey();
  const gate = freshGate();
  const gateway = await start();
  const first = post(`${gateway.url}/held/${gate}`, key);
  await origin.arrived(gate);
  const joined = [post(`${gateway.url}/held/${gate}`, key), post(`${gateway.url}/held/${gate}`, key)];

  const running = await find(gateway.url, key);
  expect(running).toMatchObject({ state: 'running', sentAt: expect.any(String), headAt: null });
  expect((await operator(gateway.url, `/executions/${running?.id}`, 'DELETE')).status).toBe(409);
  const inFlight = await (await operator(gateway.url, '/metrics')).text();
  expect(inFlight).toContain('oncegate_in_flight{route="/*"} 1');

  await origin.open(gate);
  await Promise.all([first, ...joined].map(async (pending) => (await pending).text()));
  expect(await find(gateway.url, key)).toMatchObject({
    state: 'completed',
    joins: 2,
    headAt: expect.any(String),
  });
  await gateway.stop();
});

test('while RESULTS is out of reach nothing is forgotten', async () => {
  const key = freshKey();
  const gateway = await start(true);
  await (await post(`${gateway.url}/count`, key)).text();
  const id = (await find(gateway.url, key))?.id;
  await fetch(`${gateway.url}/_fault/kv`, { method: 'POST' });
  expect((await operator(gateway.url, `/executions/${id}`, 'DELETE')).status).toBe(503);
  expect((await post(`${gateway.url}/count`, key)).headers.get('idempotent-replayed')).toBe('true');
  await fetch(`${gateway.url}/_fault/kv`, { method: 'DELETE' });
  expect((await operator(gateway.url, `/executions/${id}`, 'DELETE')).status).toBe(204);
  expect(await (await post(`${gateway.url}/count`, key)).json()).toEqual({ run: 2 });
  await gateway.stop();
});

test('a result in the ledger alone is forgotten without RESULTS', async () => {
  const key = freshKey();
  const gateway = await start(true);
  const url = `${gateway.url}/alone/count`;
  await (await post(url, key)).text();
  const id = (await find(gateway.url, key))?.id;
  await fetch(`${gateway.url}/_fault/kv`, { method: 'POST' });
  expect((await operator(gateway.url, `/executions/${id}`, 'DELETE')).status).toBe(204);
  expect(await (await post(url, key)).json()).toEqual({ run: 2 });
  await gateway.stop();
});

test('what is forgotten is replayed to nobody any more, in a storm of retries neither', async () => {
  const key = freshKey();
  const gateway = await start();
  const runs: number[] = [];
  const retry = async () => {
    const { run }: { run: number } = await (await post(`${gateway.url}/count`, key)).json();
    runs.push(run);
  };
  await retry();
  const id = (await find(gateway.url, key))?.id;
  const storm = new AbortController();
  const clients = Array.from({ length: 8 }, async () => {
    while (!storm.signal.aborted) await retry();
  });
  // Long enough that the ledger object waits for the leases that it gave, and not for those of an earlier
  // life of it.
  const startedAt = Date.now();
  await expect.poll(() => Date.now() - startedAt, { timeout: 30_000 }).toBeGreaterThan(4_000);
  expect(runs.length).toBeGreaterThan(200);
  expect((await operator(gateway.url, `/executions/${id}`, 'DELETE')).status).toBe(204);
  // Requests that were under way when it was forgotten may still come back with the first run.
  const forgottenAt = runs.length;
  await retry();
  await expect.poll(() => runs.length, { timeout: 30_000 }).toBeGreaterThan(forgottenAt + 200);
  storm.abort();
  await Promise.all(clients);
  expect(new Set(runs.slice(forgottenAt + 8))).toEqual(new Set([2]));
  await gateway.stop();
});

test('all replays of a storm are counted', async () => {
  const key = freshKey();
  const gateway = await start();
  for (let n = 0; n <= 50; n += 1) await (await post(`${gateway.url}/count`, key)).text();
  await expect.poll(() => find(gateway.url, key), { timeout: 30_000 }).toMatchObject({ replays: 50 });
  await gateway.stop();
});

test('a crash may lose counts, and never a state', async () => {
  const [completed, cutOff] = [freshKey(), freshKey()];
  const gate = freshGate();
  const before = await start();
  await (await post(`${before.url}/count`, completed)).text();
  await (await post(`${before.url}/count`, completed)).text();
  const lost = post(`${before.url}/refuse/held/${gate}`, cutOff).catch(() => null);
  await origin.arrived(gate);
  await before.kill();
  await lost;

  const after = await start();
  expect(await find(after.url, completed)).toMatchObject({ state: 'completed', status: 200 });
  expect(await find(after.url, cutOff)).toMatchObject({ state: 'unknown', cause: 'gateway-restarted' });
  await origin.open(gate);
  await after.stop();
});

test('what was counted is written down while nobody asks, and survives', async () => {
  const before = await start();
  const runs = async (url: string) => {
    const text = await (await operator(url, '/metrics')).text();
    return Number(/^oncegate_runs_total\{route="\/\*"\} (\d+)$/m.exec(text)?.[1]);
  };
  const counted = await runs(before.url);
  for (let n = 0; n < 5; n += 1) await (await post(`${before.url}/count`, freshKey())).text();
  await expect.poll(() => runs(before.url), { timeout: 30_000 }).toBeGreaterThanOrEqual(counted + 5);
  const written = await runs(before.url);
  await before.kill();
  const after = await start();
  expect(await runs(after.url)).toBeGreaterThanOrEqual(written);
  await after.stop();
});
