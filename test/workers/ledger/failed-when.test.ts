import { reset, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env, exports } from 'cloudflare:workers';
import { afterEach, beforeEach, expect, test } from 'vitest';

let tests = 0;

beforeEach(() => {
  // The isolate outlives a test, and with it what it may replay without asking. So each test is a caller of
  // its own.
  tests += 1;
});

afterEach(() => reset());

function post(path: string): Promise<Response> {
  return exports.default.fetch(`https://gate.example${path}`, {
    method: 'POST',
    headers: { 'idempotency-key': `key-${tests}`, authorization: `Bearer failed-when-${tests}` },
  });
}

function ledger(route: string) {
  return env.LEDGER.getByName(`${route}:0`);
}

function count(table: string, route: string): Promise<SqlStorageValue> {
  return runInDurableObject(ledger(route), (_, state) => {
    const [value = null] = Object.values(state.storage.sql.exec(`SELECT count(*) FROM ${table}`).one());
    return value;
  });
}

test.each([
  ['an event stream', '/*', '/spoiled/stream'],
  ['an event stream in pieces', '/*', '/spoiled/large-stream'],
  ['an event stream, under refuse', '/refuse/*', '/refuse/spoiled/stream'],
  ['JSON', '/judged/*', '/judged/spoiled/json'],
  ['JSON in pieces', '/judged/*', '/judged/spoiled/large-json'],
])('a success that says in its body that it failed is not recorded: %s', async (_, route, path) => {
  const spoiled = await (await post(path)).text();
  expect(spoiled).toMatch(/event: error|boom/);
  expect(await count('executions', route)).toBe(0);
  expect(await count('pieces', route)).toBe(0);

  const retry = await post(path);
  expect(retry.headers.get('cache-status')).toBe('oncegate; fwd=miss; stored');
  const well = await retry.text();
  expect(well).toMatch(/message_stop|"well"|"error":null/);

  const replay = await post(path);
  expect(replay.headers.get('idempotent-replayed')).toBe('true');
  expect(await replay.text()).toBe(well);
  await runDurableObjectAlarm(ledger(route));
  const { totals } = await ledger(route).summary(0);
  expect(totals).toMatchObject({ runs: 2, failed: 1, recorded: 1, unknown: 0, replays: 1 });
});

test('where it is known before the head is out, Cache-Status says so', async () => {
  const response = await post('/judged/spoiled/json');
  expect(response.status).toBe(200);
  expect(response.headers.get('cache-status')).toBe('oncegate; fwd=miss; detail=failed');
});

test('by default an error in JSON is a result like any other', async () => {
  const first = await post('/spoiled/json');
  expect(first.headers.get('cache-status')).toBe('oncegate; fwd=miss; stored');
  const body = await first.text();
  const replay = await post('/spoiled/json');
  expect(replay.headers.get('idempotent-replayed')).toBe('true');
  expect(await replay.text()).toBe(body);
});

test('everyone who joined gets the same bytes to the end, however late he reads them', async () => {
  const path = '/spoiled/large-stream';
  const first = await post(path);
  const joined = await post(path);
  expect(joined.headers.get('cache-status')).toBe('oncegate; fwd=miss; collapsed');
  const body = await first.text();
  expect(await count('executions', '/*')).toBe(0);
  expect(await count('pieces', '/*')).toBeGreaterThan(0);
  expect(await joined.text()).toBe(body);
  expect(await count('pieces', '/*')).toBe(0);
});
