import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { exports } from 'cloudflare:workers';
import { expect, test, vi } from 'vitest';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import { cool, HOUR_MS, ledger, MIB, pass, post, query, running, testNumber, useWorld } from './world.ts';

useWorld();

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

test('counters that cannot be written do not keep the sweep from its work', async () => {
  await (await post('/count/x', 'key')).text();
  await runInDurableObject(ledger(), (_, state) => {
    state.storage.sql.exec('DROP TABLE totals');
  });
  pass(25 * HOUR_MS);
  await runDurableObjectAlarm(ledger());
  expect(await query('SELECT count(*) FROM executions')).toBe(0);
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
