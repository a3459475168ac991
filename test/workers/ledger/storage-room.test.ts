import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { expect, test, vi } from 'vitest';
import { OBJECT_MAX_BYTES } from '../../../src/ledger/store/storage-room.ts';
import {
  archived,
  DAY_MS,
  ended,
  failing,
  HOT_MS,
  ledger,
  MIB,
  policyFor,
  post as postNow,
  query,
  sweep,
  testNumber,
  useWorld,
} from './world.ts';

useWorld();

function post(path: string, key: string, caller?: string): Promise<Response> {
  // No two begin at the same time, so that their order is known.
  vi.setSystemTime(Date.now() + 1);
  return postNow(path, key, caller);
}

/** The number of the origin's run that answered. */
async function runOf(response: Response): Promise<number> {
  await response.arrayBuffer();
  return Number(response.headers.get('x-run'));
}

/** Where the body is of what was the nth to begin, from 0. */
async function placeOf(nth: number): Promise<string | undefined> {
  const all = await ended();
  return all.toReversed()[nth]?.place ?? undefined;
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
  await archived();
  await sweep(61_000);
  expect([await placeOf(1), await placeOf(2), await placeOf(3)]).toEqual(['results', 'ledger', 'ledger']);
  runs.push(await runOf(await post(`/bytes/${1.5 * MIB}`, 'key-4')));
  await archived();
  runs.push(await runOf(await post(`/bytes/${1.5 * MIB}`, 'key-5')));
  await archived();
  await sweep(61_000);
  expect([await placeOf(2), await placeOf(3)]).toEqual(['results', 'ledger']);

  vi.restoreAllMocks();
  await storesAtMost(12 * MIB);
  await sweep(31_000);
  // So many as it takes, and no more.
  expect([await placeOf(3), await placeOf(4), await placeOf(5)]).toEqual(['results', 'ledger', 'ledger']);
  for (const [index, run] of runs.entries()) {
    vi.setSystemTime(Date.now() + 3_000);
    const path = `/bytes/${(index < 3 ? 3 : 1.5) * MIB}`;
    const replay = await post(path, `key-${index + 1}`);
    expect(replay.headers.get('idempotent-replayed')).toBe('true');
    expect(await runOf(replay)).toBe(run);
  }
});

test('with hardly any room left, small results leave too, the oldest first, so many as it takes, and no more', async () => {
  const KEYS = 20;
  const runs: number[] = [];
  for (let key = 0; key < KEYS; key += 1) runs.push(await runOf(await post('/bytes/100000', `key-${key}`)));
  await post('/count/x', 'shares-its-page');
  await archived();
  const used = await runInDurableObject(ledger(), (_, { storage }) => storage.sql.databaseSize);
  await storesAtMost(2 * used);
  await sweep();
  expect(new Set((await ended()).map(({ place }) => place))).toEqual(new Set(['ledger']));

  vi.restoreAllMocks();
  // Eight tenths of it are nine tenths of what is there.
  await storesAtMost((used * 9) / 8);
  await sweep(61_000);
  const places = (await ended()).toReversed().map(({ place }) => place);
  expect(places.slice(0, 2)).toEqual(['results', 'results']);
  expect(new Set(places.slice(5))).toEqual(new Set(['ledger']));
  for (const [key, run] of runs.entries()) {
    const replay = await post('/bytes/100000', `key-${key}`);
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
    path: '/',
    trace: null,
    url: 'https://x/',
    headers: [],
    waitMs: 0,
    presence: null,
    respondAfterMs: null,
    policy: JSON.stringify(policyFor()),
  };
  expect(await ledger().recall(call)).toBeNull();
  for (const [key, run] of runs.entries()) {
    vi.setSystemTime(Date.now() + 3_000);
    expect(await runOf(await post(`/bytes/${3 * MIB}`, `key-${key}`))).toBe(run);
  }
  // As long as RESULTS takes nothing, nothing changes.
  await sweep(31_000);
  await expectFull(await post('/count/x', 'small'));
  expect(errors.mock.calls.flat().join()).toContain('"event":"ledger-full"');

  put.mockRestore();
  await sweep(31_000);
  await archived();
  await sweep(61_000);
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
  const [view] = await ended();
  expect(view).toMatchObject({ place: 'nowhere', size: 8 * MIB });
  expect(await query('SELECT count(*) FROM pieces')).toBe(0);
  const again = await post(`/bytes/${8 * MIB}`, 'key');
  expect(again.status).toBe(409);
  expect(await again.json()).toMatchObject({
    type: 'https://gate.example/_oncegate/problems/not-recorded',
  });
  expect(warned.mock.calls.flat().join()).toContain('"event":"ledger-out-of-room"');
});

test('a body that finds the disk full in the middle of a piece reaches its client whole, and is not recorded', async () => {
  const warned = vi.spyOn(console, 'error').mockImplementation(() => {});
  await post('/refuse/count/x', 'wakes-the-object');
  await failing(/INSERT INTO pieces/);
  const first = await post(`/refuse/bytes/${3 * MIB}`, 'key');
  const body = new Uint8Array(await first.arrayBuffer());
  expect(body.byteLength).toBe(3 * MIB);
  expect(new Set(body)).toEqual(new Set([Number(first.headers.get('x-run'))]));

  vi.restoreAllMocks();
  const again = await post(`/refuse/bytes/${3 * MIB}`, 'key');
  expect(again.status).toBe(409);
  expect(await again.json()).toMatchObject({ type: 'https://gate.example/_oncegate/problems/not-recorded' });
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
  await failing(/DO UPDATE SET state/);
  expect((await post('/refuse/count/x', 'key')).status).toBe(502);
  vi.restoreAllMocks();
  const again = await post('/refuse/count/x', 'key');
  expect(again.status).toBe(409);
  expect(await again.json()).toMatchObject({
    type: 'https://gate.example/_oncegate/problems/outcome-unknown',
  });
});

test('what an object ran that has lost its storage is handed out to nobody, and runs again under `retry`', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => {});
  const before = await runOf(await post('/count/x', 'wakes-the-object'));
  await failing(/INSERT INTO executions/);
  const lost = await post('/count/x', 'small');
  expect(lost.status).toBe(502);
  expect(lost.headers.get('cache-status')).toBe('oncegate; fwd=miss; detail=unknown');
  // The head of a larger one may be on its way by then. Its body breaks off, so that nobody takes it for
  // whole.
  const large = await post(`/bytes/${3 * MIB}`, 'large');
  if (large.status === 200) await expect(large.arrayBuffer()).rejects.toThrow();
  else expect(large.status).toBe(502);
  vi.restoreAllMocks();
  expect(await ended()).toHaveLength(1);
  expect(await runOf(await post('/count/x', 'small'))).toBe(before + 3);
  expect(await runOf(await post(`/bytes/${3 * MIB}`, 'large'))).toBe(before + 4);
});

test('where the intent cannot be written, nothing is sent, and the client is told so', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => {});
  const before = await runOf(await post('/refuse/count/x', 'wakes-the-object'));
  await failing(/INSERT INTO executions/);
  for (let key = 0; key < 3; key += 1) expect((await post('/refuse/count/x', `key-${key}`)).status).toBe(503);
  vi.restoreAllMocks();
  expect(await runOf(await post('/refuse/count/x', 'key-0'))).toBe(before + 1);
});

test('what a caller stores counts for as long as it is in the object, and no longer', async () => {
  const LIMIT_KEYS = 4;
  for (let key = 0; key < LIMIT_KEYS; key += 1)
    await (await post('/limited/bytes/100000', `key-${key}`)).arrayBuffer();
  expect((await post('/limited/bytes/100000', 'one-more')).status).toBe(429);
  const bob = await post('/limited/bytes/100000', 'one-more', `Bearer bob-${testNumber()}`);
  expect(bob.status).toBe(200);
  await bob.arrayBuffer();

  await expect.poll(async () => (await env.RESULTS.list()).keys.length).toBe(LIMIT_KEYS + 1);
  // Small results stay to the end of their TTL, and count for so long.
  await sweep(HOT_MS + 1_000, '/limited/*');
  expect((await post('/limited/bytes/100000', 'one-more')).status).toBe(429);
  await sweep(DAY_MS, '/limited/*');
  expect((await post('/limited/bytes/100000', 'one-more')).status).toBe(200);
});
