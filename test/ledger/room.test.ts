/** A ledger object that has no storage left, with what it holds at most made small. */
import { reset, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env, exports } from 'cloudflare:workers';
import { afterEach, expect, test, vi } from 'vitest';
import { OBJECT_STORAGE } from '../../src/ledger/room.ts';

const { maxBytes } = OBJECT_STORAGE;
const MIB = 1024 * 1024;
let tests = 0;

afterEach(async () => {
  OBJECT_STORAGE.maxBytes = maxBytes;
  tests += 1;
  vi.useRealTimers();
  vi.restoreAllMocks();
  await reset();
});

function ledger() {
  return env.LEDGER.getByName('/*:0');
}

function post(path: string, key: string): Promise<Response> {
  return exports.default.fetch(`https://gate.example${path}`, {
    method: 'POST',
    headers: { 'idempotency-key': key, authorization: `Bearer room ${tests}` },
  });
}

function query<T extends Record<string, SqlStorageValue>>(sql: string): Promise<T[]> {
  return runInDurableObject(ledger(), (_, { storage }) => storage.sql.exec<T>(sql).toArray());
}

function databaseBytes(): Promise<number> {
  return runInDurableObject(ledger(), (_, { storage }) => storage.sql.databaseSize);
}

/** What the origin has been asked for under this path. */
async function runs(path: string): Promise<number> {
  const counted: { run: number } = await (await post(path, crypto.randomUUID())).json();
  return counted.run;
}

test('a full object refuses before it sends, replays what it has, and takes requests again when it has swept', async () => {
  const before = await post('/count/full', 'before');
  const recorded = await before.text();
  OBJECT_STORAGE.maxBytes = await databaseBytes();

  const refused = await post('/count/full', 'refused');
  expect(refused.status).toBe(503);
  expect(refused.headers.get('retry-after')).toBe('60');
  expect(refused.headers.get('cache-status')).toBe('oncegate; detail=ledger-unavailable');
  expect(await refused.json()).toMatchObject({
    detail: expect.stringContaining('Nothing was sent upstream'),
  });
  const replay = await post('/count/full', 'before');
  expect([replay.headers.get('idempotent-replayed'), await replay.text()]).toEqual(['true', recorded]);

  OBJECT_STORAGE.maxBytes = maxBytes;
  expect(await runs('/count/full')).toBe(2);
});

test('a full object makes room by its sweep', async () => {
  await (await post(`/bytes/${3 * MIB}`, 'large')).arrayBuffer();
  await expect.poll(() => query('SELECT 1 AS n FROM pieces')).not.toEqual([]);
  const full = await databaseBytes();
  OBJECT_STORAGE.maxBytes = full;
  expect((await post('/count/sweep', 'refused')).status).toBe(503);
  await expect
    .poll(async () => {
      await runDurableObjectAlarm(ledger());
      return query('SELECT 1 AS n FROM pieces');
    })
    .toEqual([]);
  expect(await databaseBytes()).toBeLessThan(full - 2 * MIB);
  expect((await post('/count/sweep', 'taken')).status).toBe(200);
});

test('a body that finds no room while it comes reaches its client whole, and is not recorded', async () => {
  OBJECT_STORAGE.maxBytes = (await databaseBytes()) + 2 * MIB;
  const response = await post(`/bytes/${6 * MIB}`, 'too-much');
  expect((await response.arrayBuffer()).byteLength).toBe(6 * MIB);
  const again = await post(`/bytes/${6 * MIB}`, 'too-much');
  expect(again.status).toBe(409);
  expect(await again.json()).toMatchObject({ title: expect.stringContaining('too large to record') });
});
