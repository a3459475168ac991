import { reset, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env, exports } from 'cloudflare:workers';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { OBJECT_MAX_BYTES } from '../../src/ledger/store/storage-room.ts';

const MIB = 1024 * 1024;

let tests = 0;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] });
  // The isolate outlives a test, and with it what it may replay without asking. So each test is a caller of its own.
  tests += 1;
});

afterEach(async () => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  await reset();
});

function ledger(route = '/*') {
  return env.LEDGER.getByName(`${route}:0`);
}

function post(path: string, key: string, caller = `Bearer ${tests}`): Promise<Response> {
  // No two begin at the same time, so that their order is known.
  vi.setSystemTime(Date.now() + 1);
  return exports.default.fetch(`https://gate.example${path}`, {
    method: 'POST',
    headers: { 'idempotency-key': key, authorization: caller },
  });
}

/** The number of the origin's run that answered. */
async function runOf(response: Response): Promise<number> {
  await response.arrayBuffer();
  return Number(response.headers.get('x-run'));
}

/** Where the body is of what was the nth to begin, from 0. */
async function placeOf(nth: number): Promise<string | undefined> {
  const all = await views();
  return all.toReversed()[nth]?.place ?? undefined;
}

function views() {
  return runInDurableObject(ledger(), (instance: Ledger) =>
    instance.list({ keyHash: null, state: 'completed', after: null, limit: 1_000 }),
  );
}

/** Has RESULTS take what is on its way there. */
async function archived(): Promise<void> {
  await expect.poll(async () => (await views()).every(({ archivedAt }) => archivedAt !== null)).toBe(true);
}

async function sweep(afterMs = 31_000): Promise<void> {
  vi.setSystemTime(Date.now() + afterMs);
  await runDurableObjectAlarm(ledger());
}

/** Has the objects' databases weigh so much more that `bytes` are all that one of them stores. */
async function storesAtMost(bytes: number): Promise<void> {
  await runInDurableObject(ledger(), (_, { storage }) => {
    const prototype = Object.getPrototypeOf(storage.sql);
    const real = Object.getOwnPropertyDescriptor(prototype, 'databaseSize')?.get ?? (() => 0);
    vi.spyOn(prototype, 'databaseSize', 'get').mockImplementation(function (this: unknown) {
      return Reflect.apply(real, this, []) * (OBJECT_MAX_BYTES / bytes);
    });
  });
}

/** Has statements that match fail as they do where the disk is full. */
async function failing(pattern: RegExp): Promise<void> {
  await runInDurableObject(ledger(), (_, { storage }) => {
    const prototype = Object.getPrototypeOf(storage.sql);
    const real = prototype.exec;
    vi.spyOn(prototype, 'exec').mockImplementation(function (this: unknown, ...args: unknown[]) {
      if (pattern.test(String(args[0]))) throw new Error('database or disk is full: SQLITE_FULL');
      return Reflect.apply(real, this, args);
    });
  });
}

function kvIsOutOfReach() {
  return vi
    .spyOn(Object.getPrototypeOf(env.RESULTS), 'put')
    .mockRejectedValue(new Error('KV is out of reach'));
}

/** A client that is refused because there is no room hears that nothing was sent, and when to come again. */
async function expectFull(response: Response): Promise<void> {
  expect(response.status).toBe(503);
  expect(response.headers.get('retry-after')).toBe('30');
  expect(await response.json()).toMatchObject({
    type: 'https://gate.example/_oncegate/problems/ledger-unavailable',
    detail: expect.stringContaining('Nothing was sent'),
  });
}

test('with little room left, bodies leave as soon as RESULTS has them, the oldest first, and are replayed from there', async () => {
  await post('/count/x', 'wakes-the-object');
  await storesAtMost(20 * MIB);
  const runs: number[] = [];
  for (let key = 1; key <= 2; key += 1) runs.push(await runOf(await post(`/bytes/${3 * MIB}`, `key-${key}`)));
  await archived();
  expect([await placeOf(1), await placeOf(2)]).toEqual(['ledger', 'ledger']);

  // The third is more than what may be there.
  runs.push(await runOf(await post(`/bytes/${3 * MIB}`, 'key-3')));
  await expect.poll(() => placeOf(3)).toBe('results');
  expect([await placeOf(1), await placeOf(2)]).toEqual(['ledger', 'ledger']);
  runs.push(await runOf(await post(`/bytes/${1.5 * MIB}`, 'key-4')));
  await archived();
  runs.push(await runOf(await post(`/bytes/${1.5 * MIB}`, 'key-5')));
  await expect.poll(() => placeOf(5)).toBe('results');

  vi.restoreAllMocks();
  await storesAtMost(12 * MIB);
  await sweep(8_000);
  // So many as it takes, and no more.
  expect([await placeOf(1), await placeOf(2), await placeOf(4)]).toEqual(['results', 'ledger', 'ledger']);
  for (const [index, run] of runs.entries()) {
    vi.setSystemTime(Date.now() + 3_000);
    const path = `/bytes/${(index < 3 ? 3 : 1.5) * MIB}`;
    const replay = await post(path, `key-${index + 1}`);
    expect(replay.headers.get('idempotent-replayed')).toBe('true');
    expect(await runOf(replay)).toBe(run);
  }
});

test('a full object begins nothing, sends nothing, replays what it has, and recovers by its sweep', async () => {
  const errors = vi.spyOn(console, 'error').mockImplementation(() => {});
  await post('/count/x', 'wakes-the-object');
  await archived();
  await storesAtMost(20 * MIB);
  const put = kvIsOutOfReach();
  const runs: number[] = [];
  let response = await post(`/bytes/${3 * MIB}`, 'key-0');
  while (response.status === 200 && runs.length < 20) {
    runs.push(await runOf(response));
    response = await post(`/bytes/${3 * MIB}`, `key-${runs.length}`);
  }
  expect(runs).toHaveLength(6);
  await expectFull(response);
  await expectFull(await post('/count/x', 'small'));
  const asked = { id: 'not known', caller: 'c', address: null, secret: new Uint8Array(32), fingerprint: 'f' };
  const call = {
    ...asked,
    keyHash: 'k',
    method: 'POST',
    url: 'https://x/',
    headers: [],
    waitMs: 0,
    route: '/*',
  };
  expect(await ledger().recall(call)).toBeNull();
  for (const [key, run] of runs.entries()) {
    vi.setSystemTime(Date.now() + 3_000);
    expect(await runOf(await post(`/bytes/${3 * MIB}`, `key-${key}`))).toBe(run);
  }
  // As long as RESULTS takes nothing, nothing changes.
  await sweep();
  await expectFull(await post('/count/x', 'small'));
  expect(errors.mock.calls.flat().join()).toContain('"event":"ledger-full"');

  put.mockRestore();
  await sweep();
  await archived();
  const after = await post('/count/x', 'small');
  expect(after.status).toBe(200);
  // Nothing ran meanwhile: the origin counts its runs.
  expect(await runOf(after)).toBe((runs.at(-1) ?? 0) + 1);
  for (const [key, run] of runs.entries()) {
    vi.setSystemTime(Date.now() + 3_000);
    expect(await runOf(await post(`/bytes/${3 * MIB}`, `key-${key}`))).toBe(run);
  }
});

test('a body that finds no room while it comes reaches its client whole, and is not recorded', async () => {
  const warned = vi.spyOn(console, 'error').mockImplementation(() => {});
  await post('/count/x', 'wakes-the-object');
  await storesAtMost(3 * MIB);
  const first = await post(`/bytes/${8 * MIB}`, 'key');
  const body = new Uint8Array(await first.arrayBuffer());
  expect(body.byteLength).toBe(8 * MIB);
  expect(new Set(body)).toEqual(new Set([Number(first.headers.get('x-run'))]));

  vi.restoreAllMocks();
  const [view] = await views();
  expect(view).toMatchObject({ place: 'nowhere', size: 8 * MIB });
  expect(await query('SELECT count(*) FROM pieces')).toBe(0);
  const again = await post(`/bytes/${8 * MIB}`, 'key');
  expect(again.status).toBe(409);
  expect(await again.json()).toMatchObject({
    type: 'https://gate.example/_oncegate/problems/not-recorded',
  });
  expect(warned.mock.calls.flat().join()).toContain('"event":"ledger-out-of-room"');
});

test('a result that cannot be written is handed on, and is known as not recorded', async () => {
  const errors = vi.spyOn(console, 'error').mockImplementation(() => {});
  await post('/count/x', 'wakes-the-object');
  // Only what brings a body finds no room.
  await runInDurableObject(ledger(), (_, { storage }) => {
    const prototype = Object.getPrototypeOf(storage.sql);
    const real = prototype.exec;
    vi.spyOn(prototype, 'exec').mockImplementation(function (this: unknown, ...args: unknown[]) {
      if (args.some((arg) => arg instanceof Uint8Array)) throw new Error('database or disk is full');
      return Reflect.apply(real, this, args);
    });
  });
  const first = await post('/count/x', 'key');
  expect(first.status).toBe(200);
  expect(first.headers.get('cache-status')).toBe('oncegate; fwd=miss; detail=not-recorded');
  const again = await post('/count/x', 'key');
  expect(again.status).toBe(409);
  expect(await again.json()).toMatchObject({
    type: 'https://gate.example/_oncegate/problems/not-recorded',
  });
  expect(errors.mock.calls.flat().join()).toContain('"event":"result-not-written"');
});

test('where nothing at all can be written of a result, its outcome is unknown', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => {});
  await post('/refuse/count/x', 'wakes-the-object');
  await failing(/^\s*UPDATE executions/);
  await expect((await post('/refuse/count/x', 'key')).arrayBuffer()).rejects.toThrow();
  vi.restoreAllMocks();
  const again = await post('/refuse/count/x', 'key');
  expect(again.status).toBe(409);
  expect(await again.json()).toMatchObject({
    type: 'https://gate.example/_oncegate/problems/outcome-unknown',
  });
});

test('where the intent cannot be written, nothing is sent, and the client is told so', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => {});
  const before = await runOf(await post('/count/x', 'wakes-the-object'));
  await failing(/INSERT INTO executions/);
  for (let key = 0; key < 3; key += 1) expect((await post('/count/x', `key-${key}`)).status).toBe(503);
  vi.restoreAllMocks();
  expect(await runOf(await post('/count/x', 'key-0'))).toBe(before + 1);
});

test('what a caller stores counts for as long as it is in the object, and no longer', async () => {
  const LIMIT_KEYS = 4;
  for (let key = 0; key < LIMIT_KEYS; key += 1)
    await (await post('/limited/bytes/100000', `key-${key}`)).arrayBuffer();
  expect((await post('/limited/bytes/100000', 'one-more')).status).toBe(429);
  const bob = await post('/limited/bytes/100000', 'one-more', `Bearer bob-${tests}`);
  expect(bob.status).toBe(200);
  await bob.arrayBuffer();

  await expect.poll(async () => (await env.RESULTS.list()).keys.length).toBe(LIMIT_KEYS + 1);
  vi.setSystemTime(Date.now() + 301_000);
  await runDurableObjectAlarm(ledger('/limited/*'));
  expect((await post('/limited/bytes/100000', 'one-more')).status).toBe(200);
});

function query(sql: string): Promise<SqlStorageValue> {
  return runInDurableObject(ledger(), (_, state) => {
    const [value = null] = Object.values(state.storage.sql.exec(sql).one());
    return value;
  });
}
