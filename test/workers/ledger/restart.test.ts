import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { expect, test } from 'vitest';
import { cool, HOUR_MS, LARGE, ledger, MIB, pass, post, query, running, sweep, useWorld } from './world.ts';

useWorld();

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
