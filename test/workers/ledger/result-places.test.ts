import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { expect, test, vi } from 'vitest';
import { Alarm } from '../../../src/ledger/alarm.ts';
import { Archive } from '../../../src/ledger/archive.ts';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import { Watchdog } from '../../../src/ledger/run/watchdog.ts';
import { Pieces } from '../../../src/ledger/store/pieces.ts';
import { Rows } from '../../../src/ledger/store/rows.ts';
import {
  archived,
  cool,
  HOT_MS,
  HOUR_MS,
  LARGE,
  ledger,
  MIB,
  pass,
  post,
  query,
  sweep,
  useWorld,
} from './world.ts';

useWorld();

test.each([`/bytes/${3 * MIB + 1}`, `/bytes/${MIB / 2 + 1}`])(
  'a result in pieces is served from KV when it is no longer hot, its body gone from the ledger: %s',
  async (path) => {
    const first = await post(path, 'key');
    const body = await first.arrayBuffer();
    await cool();

    expect(await query('SELECT place FROM executions')).toBe('results');
    expect(
      await query('SELECT count(*) FROM executions WHERE preamble IS NOT NULL OR rest IS NOT NULL'),
    ).toBe(0);
    expect(await query('SELECT count(*) FROM pieces')).toBe(0);
    const replay = await post(path, 'key');
    expect(replay.status).toBe(200);
    expect(replay.headers.get('idempotent-replayed')).toBe('true');
    expect(replay.headers.get('x-run')).toBe(first.headers.get('x-run'));
    expect(new Uint8Array(await replay.arrayBuffer())).toEqual(new Uint8Array(body));
  },
);

test.each([
  ['small', '/count/x'],
  ['of exactly one piece', `/bytes/${MIB / 2}`],
  ['empty', '/bytes/0'],
])(
  'a result %s is in KV too, and is served from the ledger to the end of its TTL, whatever KV has',
  async (_, path) => {
    const first = await (await post(path, 'key')).arrayBuffer();
    await cool();
    const { keys } = await env.RESULTS.list();
    expect(keys).toHaveLength(1);
    for (const { name } of keys) await env.RESULTS.delete(name);
    pass(23 * HOUR_MS);
    await sweep();
    const replay = await post(path, 'key');
    expect(replay.headers.get('idempotent-replayed')).toBe('true');
    expect(new Uint8Array(await replay.arrayBuffer())).toEqual(new Uint8Array(first));
    await sweep(HOUR_MS);
    expect(await query('SELECT count(*) FROM executions')).toBe(0);
  },
);

test('the largest result that is recorded goes to KV whole, and one of a byte more is not recorded', async () => {
  const LARGEST = 25 * MIB - 65_536;
  const size = async (response: Response) => (await response.arrayBuffer()).byteLength;
  expect(await size(await post(`/bytes/${LARGEST}`, 'largest'))).toBe(LARGEST);
  expect(await size(await post(`/bytes/${LARGEST + 1}`, 'too-large'))).toBe(LARGEST + 1);
  await cool();
  expect(await query('SELECT group_concat(place) FROM executions')).toBe('results,nowhere');
  expect(await size(await post(`/bytes/${LARGEST}`, 'largest'))).toBe(LARGEST);
  expect((await post(`/bytes/${LARGEST + 1}`, 'too-large')).status).toBe(409);
});

test('a small result that is to stay in the ledger alone never goes to KV, and is replayed to the end of its TTL', async () => {
  const first = await (await post('/alone/count/x', 'key')).text();
  pass(24 * HOUR_MS - 5_000);
  await runDurableObjectAlarm(ledger('/alone/*'));
  const replay = await post('/alone/count/x', 'key');
  expect(replay.headers.get('idempotent-replayed')).toBe('true');
  expect(await replay.text()).toBe(first);
  expect((await env.RESULTS.list()).keys).toEqual([]);

  pass(10_000);
  await runDurableObjectAlarm(ledger('/alone/*'));
  expect(await query('SELECT count(*) FROM executions', '/alone/*')).toBe(0);
});

test('a result that is not smaller than what stays in the ledger alone goes to KV', async () => {
  await (await post('/alone/bytes/99999', 'small')).arrayBuffer();
  await (await post('/alone/bytes/100000', 'large')).arrayBuffer();
  await cool('/alone/*');
  const places = await query('SELECT group_concat(place) FROM executions', '/alone/*');
  expect(places).toBe('ledger-alone,ledger');
  expect((await env.RESULTS.list()).keys).toHaveLength(1);
});

test('a result that is still hot keeps its body', async () => {
  await (await post(LARGE, 'key')).arrayBuffer();
  pass(299_000);
  await runDurableObjectAlarm(ledger());
  expect(await query('SELECT place FROM executions')).toBe('ledger');
});

test('a hot result in pieces is replayed from the ledger', async () => {
  const first = await (await post(`/bytes/${3 * MIB}`, 'key')).arrayBuffer();
  expect(await query('SELECT count(*) FROM pieces')).toBe(5);
  const replay = await post(`/bytes/${3 * MIB}`, 'key');
  expect(replay.headers.get('idempotent-replayed')).toBe('true');
  expect(new Uint8Array(await replay.arrayBuffer())).toEqual(new Uint8Array(first));
});

test('a result in KV that cannot be read is not run again', async () => {
  await (await post(LARGE, 'key')).arrayBuffer();
  await cool();
  const { keys } = await env.RESULTS.list();
  for (const { name } of keys) await env.RESULTS.delete(name);
  const refused = await post(LARGE, 'key');
  expect(refused.status).toBe(503);
  expect(await refused.json()).toMatchObject({
    type: 'https://gate.example/_oncegate/problems/ledger-unavailable',
  });
});

test('a record that KV still shows of an earlier execution is not taken for the later one', async () => {
  await (await post(LARGE, 'key')).arrayBuffer();
  await cool();
  await runInDurableObject(ledger(), (_, state) => {
    state.storage.sql.exec('UPDATE executions SET completed_at = completed_at + 1');
  });
  expect((await post(LARGE, 'key')).status).toBe(503);
});

/** An archive over the rows of an object, with other results than its own. */
function archiveOver(state: DurableObjectState, results: object, waited: Promise<unknown>[] = []) {
  const { storage } = state;
  const rows = new Rows(storage.sql);
  const context = { storage, waitUntil: (promise: Promise<unknown>) => void waited.push(promise) };
  const archive = new Archive(
    context as unknown as DurableObjectState,
    rows,
    new Pieces(storage.sql),
    () => results as KVNamespace,
    new Alarm(storage),
    new Watchdog(),
  );
  return { archive, rows };
}

test('a write to KV that was given up takes the place of no later one, and is removed after it came', async () => {
  vi.useRealTimers();
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
  await runInDurableObject(ledger(), async (_, state) => {
    const silent = Promise.withResolvers<void>();
    const arrived: [what: string, name: string][] = [];
    const put = async (name: string) => {
      if (name.endsWith(String(9_999_999_999_999 - now))) await silent.promise;
      arrived.push(['put', name]);
    };
    const remove = async (name: string) => void arrived.push(['delete', name]);
    const waited: Promise<unknown>[] = [];
    const { archive } = archiveOver(state, { put, delete: remove }, waited);
    const now = Date.now();
    const result = { id: 'id', size: 1, expiresAt: now + HOUR_MS, unarchived: false };
    const [first, second] = [
      { ...result, seq: 1, completedAt: now },
      { ...result, seq: 2, completedAt: now + 61_000 },
    ];
    const record = { preamble: new Uint8Array(1), rest: new Uint8Array(17) };

    let held = true;
    void archive.put(first, record).finally(() => {
      held = false;
    });
    await vi.advanceTimersByTimeAsync(60_250);
    // The first is given up now: nobody waits for it. KV may take it all the same.
    await waited[0];
    expect(held).toBe(true);
    archive.put(second, record);
    await waited[1];
    const row = { caller: 'c', fingerprint: 'f', receivedAt: now, parts: null };
    const removed = archive.remove({ ...first, ...row, state: 'completed', place: 'ledger' });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(arrived.map(([what]) => what)).toEqual(['put']);
    silent.resolve();
    await removed;
    expect(held).toBe(false);
    expect(arrived.map(([what]) => what)).toEqual(['put', 'put', 'delete']);
    const [later, late, gone] = arrived.map(([, name]) => name);
    expect(late).not.toBe(later);
    expect(gone).toBe(late);
  });
});

test('a record that may have been removed from KV is written again before its body goes', async () => {
  await (await post(LARGE, 'key')).arrayBuffer();
  await cool('/none/*');
  const id = String(await query('SELECT id FROM executions'));
  await expect.poll(async () => (await env.RESULTS.list()).keys.length).toBe(1);
  const results = Object.getPrototypeOf(env.RESULTS);
  const removing = vi.spyOn(results, 'delete').mockRejectedValue(new Error('no answer'));
  const put = vi.spyOn(results, 'put');
  await runInDurableObject(ledger(), async (instance: Ledger) => {
    await expect(instance.forget(id)).rejects.toThrow('RESULTS');
  });
  removing.mockRestore();
  await sweep(31_000);
  expect(put).toHaveBeenCalledTimes(1);
  await sweep(301_000);
  expect(await query('SELECT place FROM executions')).toBe('results');
});

test('a body stays while its record is being removed from KV, and is there when nobody knows what came of that', async () => {
  const first = await (await post(LARGE, 'key')).arrayBuffer();
  await archived();
  const id = String(await query('SELECT id FROM executions'));
  const results = Object.getPrototypeOf(env.RESULTS);
  const real = results.delete;
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  const removing = vi.spyOn(results, 'delete').mockImplementation(async function (this: unknown, ...args) {
    await Reflect.apply(real, this, args);
    asked.resolve();
    await answer.promise;
    throw new Error('the answer was lost');
  });
  await runInDurableObject(ledger(), async (instance: Ledger) => {
    const forgotten = instance.forget(id);
    await asked.promise;
    pass(HOT_MS + 1_000);
    await instance.alarm();
    answer.resolve();
    await expect(forgotten).rejects.toThrow('RESULTS');
  });
  removing.mockRestore();
  expect(await query('SELECT place FROM executions')).toBe('ledger');
  const replay = await post(LARGE, 'key');
  expect(replay.headers.get('idempotent-replayed')).toBe('true');
  expect(new Uint8Array(await replay.arrayBuffer())).toEqual(new Uint8Array(first));
});
