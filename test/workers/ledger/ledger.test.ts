import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env, exports } from 'cloudflare:workers';
import { expect, test, vi } from 'vitest';
import { Alarm } from '../../../src/ledger/alarm.ts';
import { Archive } from '../../../src/ledger/archive.ts';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import { Watchdog } from '../../../src/ledger/run/watchdog.ts';
import { Pieces } from '../../../src/ledger/store/pieces.ts';
import { Rows } from '../../../src/ledger/store/rows.ts';
import {
  cool,
  HOUR_MS,
  ledger,
  MIB,
  pass,
  post,
  query,
  running,
  sweep,
  testNumber,
  useWorld,
} from './world.ts';

useWorld();

/** The path of a result in more than one row, whose body leaves when it is no longer hot. */
const LARGE = `/bytes/${MIB}`;

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

test('whoever is sent elsewhere anew late in the TTL may still come there with the same key, and begin anew after it', async () => {
  expect((await post('/moved/x', 'key')).status).toBe(307);
  pass(20 * HOUR_MS);
  expect((await post('/moved/x', 'key')).status).toBe(307);
  pass(5 * HOUR_MS);
  const there = await post('/count/x', 'key');
  expect(there.status).toBe(200);
  expect((await post('/moved/x', 'key')).status).toBe(307);
  const again = await post('/count/x', 'key');
  expect(again.headers.get('idempotent-replayed')).toBe('true');
  expect(again.headers.get('x-run')).toBe(there.headers.get('x-run'));
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

test.each([
  ['is something else', 'no record'],
  ['is empty', ''],
  ['has a head of no length', new Uint8Array([1, ...new Uint8Array(100)])],
])('a record in KV that %s is not replayed', async (_, value) => {
  await (await post(LARGE, 'key')).arrayBuffer();
  await cool();
  const { keys } = await env.RESULTS.list();
  for (const { name } of keys) await env.RESULTS.put(name, value);
  await expectDamaged(await post(LARGE, 'key'));
});

test.each(['preamble', 'rest'])(
  'a record whose %s is damaged in the ledger is not replayed',
  async (column) => {
    await post('/count/x', 'key');
    await runInDurableObject(ledger(), (_, state) => {
      const { bytes } = state.storage.sql
        .exec<{ bytes: ArrayBuffer }>(`SELECT ${column} AS bytes FROM executions`)
        .one();
      const damaged = new Uint8Array(bytes);
      damaged.set([(damaged.at(-1) ?? 0) ^ 1], damaged.byteLength - 1);
      state.storage.sql.exec(`UPDATE executions SET ${column} = ?`, damaged);
    });
    await expectDamaged(await post('/count/x', 'key'));
  },
);

test('a record in KV that was put under another key does not open', async () => {
  for (const key of ['one', 'other']) await (await post(LARGE, key)).arrayBuffer();
  await cool();
  const [one, other] = (await env.RESULTS.list()).keys.map(({ name }) => name);
  const value = await env.RESULTS.get(one ?? '', 'arrayBuffer');
  await env.RESULTS.put(other ?? '', value ?? '');
  const statuses = [await post(LARGE, 'one'), await post(LARGE, 'other')].map(({ status }) => status);
  expect(statuses.sort()).toEqual([200, 409]);
});

test.each([
  [
    'swapped',
    'UPDATE pieces SET n = -1 WHERE n = 0',
    'UPDATE pieces SET n = 0 WHERE n = 1',
    'UPDATE pieces SET n = 1 WHERE n = -1',
  ],
  ['cut out', 'DELETE FROM pieces WHERE n = 0', 'UPDATE pieces SET n = n - 1'],
])('a body whose pieces were %s breaks, and is not handed on', async (_, ...changes) => {
  await (await post(`/bytes/${2 * MIB}`, 'key')).arrayBuffer();
  await runInDurableObject(ledger(), (__, state) => {
    for (const change of changes) state.storage.sql.exec(change);
  });
  const replay = await post(`/bytes/${2 * MIB}`, 'key');
  await expect(replay.arrayBuffer()).rejects.toThrow();
});

async function expectDamaged(response: Response): Promise<void> {
  expect(response.status).toBe(409);
  expect(await response.json()).toMatchObject({
    type: 'https://gate.example/_oncegate/problems/record-damaged',
  });
}

test('at the end of its TTL a result leaves nothing behind, and no alarm', async () => {
  for (const key of ['a', 'b', 'c']) await (await post('/bytes/1000000', key)).arrayBuffer();
  pass(25 * HOUR_MS);
  await runDurableObjectAlarm(ledger());
  expect(await query('SELECT count(*) FROM executions')).toBe(0);
  expect(await query('SELECT count(*) FROM pieces')).toBe(0);
  expect(await runDurableObjectAlarm(ledger())).toBe(false);
  expect(await (await post('/count/x', 'a')).json()).toHaveProperty('run');
});

test('a result is not replayed past its TTL even before it is swept', async () => {
  const first = await (await post('/count/x', 'key')).text();
  pass(25 * HOUR_MS);
  expect(await (await post('/count/x', 'key')).text()).not.toBe(first);
});

test('results survive a restart of the ledger', async () => {
  const first = await (await post('/count/x', 'key')).text();
  await evictDurableObject(ledger());
  const replay = await post('/count/x', 'key');
  expect(replay.headers.get('idempotent-replayed')).toBe('true');
  expect(await replay.text()).toBe(first);
});

test('a result whose way to KV was cut off by a restart gets there with the next sweep', async () => {
  await (await post('/count/x', 'key')).text();
  const { keys } = await env.RESULTS.list();
  for (const { name } of keys) await env.RESULTS.delete(name);
  await evictDurableObject(ledger());
  pass(301_000);
  await runDurableObjectAlarm(ledger());
  expect((await env.RESULTS.list()).keys).toHaveLength(1);
  expect((await post('/count/x', 'key')).headers.get('idempotent-replayed')).toBe('true');
});

test.each(['', '/refuse'])(
  'a run that takes longer than the TTL is swept only when it has ended, whether or not its client stays: %s/slow',
  async (prefix) => {
    const route = `${prefix}/*`;
    const leaving = new AbortController();
    const headers = { 'idempotency-key': 'key', authorization: `Bearer ${testNumber()}` };
    const left = exports.default
      .fetch(`https://gate.example${prefix}/slow/x`, { method: 'POST', headers, signal: leaving.signal })
      .catch(() => null);
    await expect.poll(() => running(route)).toBe(1);
    pass(25 * HOUR_MS);
    leaving.abort();
    await left;
    expect(await runDurableObjectAlarm(ledger(route))).toBe(true);
    expect(await running(route)).toBe(1);
    const joined = await post(`${prefix}/slow/x`, 'key');
    expect(joined.headers.get('cache-status')).toBe('oncegate; fwd=miss; collapsed');
    const replay = await post(`${prefix}/slow/x`, 'key');
    expect(replay.headers.get('idempotent-replayed')).toBe('true');
  },
);

test('what is forgotten, or was a moment ago, is told to be so when no lease is out any more, and not sooner', async () => {
  pass(10_000);
  await (await post('/count/x', 'key')).text();
  pass(10_000);
  await (await post('/count/x', 'key')).text();
  const id = String(await query('SELECT id FROM executions'));
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'], now: Date.now() });
  const told: string[] = [];
  await runInDurableObject(ledger(), async (instance: Ledger) => {
    const forgetting = [instance.forget(id)];
    await vi.advanceTimersByTimeAsync(100);
    // This one finds it gone, and its caller must not take it for forgotten any sooner.
    forgetting.push(instance.forget(id));
    for (const pending of forgetting) void pending.then((result) => told.push(result));
    await vi.advanceTimersByTimeAsync(2_149);
    expect(told).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    await Promise.all(forgetting);
  });
  expect(told.toSorted()).toEqual(['absent', 'forgotten']);
});

test('what a Worker replayed by itself counts for its execution, and not for the next one with its key', async () => {
  await (await post('/count/x', 'key')).text();
  const { id = '', seq = 0 } = await runInDurableObject(ledger(), (_, { storage }) =>
    storage.sql.exec<{ id: string; seq: number }>('SELECT id, seq FROM executions').one(),
  );
  const replays = () =>
    runInDurableObject(ledger(), (instance: Ledger) => instance.inspect(id)?.repeats.replays);
  await ledger().countReplays(id, { ms: 0, seq }, 3);
  expect(await replays()).toBe(3);
  pass(25 * HOUR_MS);
  await (await post('/count/x', 'key')).text();
  await ledger().countReplays(id, { ms: 0, seq }, 7);
  expect(await replays()).toBe(0);
});

test('a result in pieces is replayed whole after a restart, while it is hot', async () => {
  const body = await (await post(`/bytes/${3 * MIB + 1}`, 'key')).arrayBuffer();
  await evictDurableObject(ledger());
  const replay = await post(`/bytes/${3 * MIB + 1}`, 'key');
  expect(replay.headers.get('idempotent-replayed')).toBe('true');
  expect(new Uint8Array(await replay.arrayBuffer())).toEqual(new Uint8Array(body));
});

test('a restarted object whose alarm was lost sets one for what it holds', async () => {
  await (await post('/count/x', 'key')).text();
  await runInDurableObject(ledger(), (_, state) => state.storage.deleteAlarm());
  await evictDurableObject(ledger());
  expect(await runInDurableObject(ledger(), (_, state) => state.storage.getAlarm())).not.toBeNull();
});

test('counters that cannot be written do not keep the sweep from its work', async () => {
  await (await post('/count/x', 'key')).text();
  await runInDurableObject(ledger(), (_, state) => {
    state.storage.sql.exec('DROP TABLE totals');
  });
  pass(25 * HOUR_MS);
  await runDurableObjectAlarm(ledger());
  expect(await query('SELECT count(*) FROM executions')).toBe(0);
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

    archive.put(first, record);
    await vi.advanceTimersByTimeAsync(60_250);
    // The first is given up now: nobody waits for it. KV may take it all the same.
    await waited[0];
    archive.put(second, record);
    await waited[1];
    const row = { caller: 'c', fingerprint: 'f', receivedAt: now, parts: null };
    const removed = archive.remove({ ...first, ...row, state: 'completed', place: 'ledger' });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(arrived.map(([what]) => what)).toEqual(['put']);
    silent.resolve();
    await removed;
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

test('a response that is not recorded does not count as stored', async () => {
  const LIMIT_BYTES = 400_000;
  for (let key = 0; key < 3; key += 1) {
    const tooLarge = await post(`/limited/bytes/${26 * MIB}`, `key-${key}`);
    expect((await tooLarge.arrayBuffer()).byteLength).toBeGreaterThan(LIMIT_BYTES);
  }
  expect((await post('/limited/count/x', 'key')).status).toBe(200);
});

test('requests with large bodies that arrive at once run once', async () => {
  const errors = vi.spyOn(console, 'error');
  const send = () =>
    exports.default.fetch('https://gate.example/slow/x', {
      method: 'POST',
      headers: { 'idempotency-key': 'key' },
      body: new Uint8Array(2 * MIB),
    });
  const responses = await Promise.all([send(), send(), send()]);
  const bodies = await Promise.all(responses.map((response) => response.text()));
  expect(new Set(bodies).size).toBe(1);
  expect(errors).not.toHaveBeenCalled();
});

test('a body that is being read stays until it is read, whatever is swept or runs again meanwhile', async () => {
  const first = await (await post(`/bytes/${3 * MIB}`, 'key')).arrayBuffer();
  const [cooled, replaced] = [await post(`/bytes/${3 * MIB}`, 'key'), await post(`/bytes/${3 * MIB}`, 'key')];
  await cool();
  expect(await query('SELECT place FROM executions')).toBe('ledger');
  expect(new Uint8Array(await cooled.arrayBuffer())).toEqual(new Uint8Array(first));
  pass(25 * HOUR_MS);
  const again = await (await post(`/bytes/${3 * MIB}`, 'key')).arrayBuffer();
  expect(new Uint8Array(again)).not.toEqual(new Uint8Array(first));
  expect(new Uint8Array(await replaced.arrayBuffer())).toEqual(new Uint8Array(first));
  await runDurableObjectAlarm(ledger());
  expect(await query('SELECT count(*) FROM executions')).toBe(1);
});

test('rows that end before older ones are removed too', async () => {
  for (const key of ['a', 'b', 'c']) await (await post('/count/x', key)).text();
  await runInDurableObject(ledger(), (_, state) => {
    state.storage.sql.exec('UPDATE executions SET expires_at = expires_at + 1000000000 WHERE seq = 1');
  });
  pass(25 * HOUR_MS);
  await runDurableObjectAlarm(ledger());
  expect(await query('SELECT count(*) FROM executions')).toBe(1);
});

/** What a ledger finds that died between the intent and the result. */
async function leaveCutOffRow(route: string, path: string): Promise<void> {
  await post(path, 'key');
  await runInDurableObject(ledger(route), (_, state) => {
    state.storage.sql.exec(`UPDATE executions SET state = 'running', place = NULL`);
  });
  await evictDurableObject(ledger(route));
}

test('a restart finds a long run that was cut off behind results that are no longer hot', async () => {
  const route = '/refuse/*';
  await (await post('/refuse/count/x', 'first')).text();
  const long = post('/refuse/slow/x', 'long');
  await expect.poll(() => running(route)).toBe(1);
  await cool(route);
  expect(await query(`SELECT count(*) FROM executions WHERE state = 'running'`, route)).toBe(1);
  await (await long).text();
  // As if the object had died before the long run ended.
  await runInDurableObject(ledger(route), (_, state) => {
    state.storage.sql.exec(`UPDATE executions SET state = 'running', place = NULL WHERE seq = 2`);
  });
  await evictDurableObject(ledger(route));
  expect(await query('SELECT state FROM executions WHERE seq = 2', route)).toBe('unknown');
});

test('restarts after all results have ended forget nothing of what comes then', async () => {
  for (const key of ['a', 'b', 'c']) await (await post('/count/x', key)).text();
  await cool();
  pass(25 * HOUR_MS);
  await runDurableObjectAlarm(ledger());
  expect(await query('SELECT count(*) FROM executions')).toBe(0);
  await evictDurableObject(ledger());

  await (await post(LARGE, 'key')).arrayBuffer();
  await evictDurableObject(ledger());
  await sweep();
  pass(301_000);
  await runDurableObjectAlarm(ledger());
  expect(await query('SELECT place FROM executions')).toBe('results');
});

test('an execution that a restart cut off runs again under `retry`', async () => {
  await leaveCutOffRow('/*', '/count/x');
  const again = await post('/count/x', 'key');
  expect(again.status).toBe(200);
  expect(again.headers.get('cache-status')).toBe('oncegate; fwd=miss; stored');
});

test('an execution that a restart cut off is refused under `refuse`, until its TTL ends', async () => {
  await leaveCutOffRow('/refuse/*', '/refuse/count/x');
  const refused = await post('/refuse/count/x', 'key');
  expect(refused.status).toBe(409);
  expect(await refused.json()).toMatchObject({
    type: 'https://gate.example/_oncegate/problems/outcome-unknown',
  });
  pass(25 * HOUR_MS);
  expect((await post('/refuse/count/x', 'key')).status).toBe(200);
});

test('an unknown outcome is refused for a whole TTL after the restart, however long the outage was', async () => {
  await leaveCutOffRow('/refuse/*', '/refuse/count/x');
  pass(25 * HOUR_MS);
  expect((await post('/refuse/count/x', 'key')).status).toBe(409);
  pass(23 * HOUR_MS);
  expect((await post('/refuse/count/x', 'key')).status).toBe(409);
});
