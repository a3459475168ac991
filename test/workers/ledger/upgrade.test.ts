import { evictDurableObject, runInDurableObject } from 'cloudflare:test';
import { expect, test } from 'vitest';
import { ended, ledger, pass, post, query, sweep, useWorld } from './world.ts';

useWorld();

test('an object whose counters an earlier version made counts on, with those that are new to it', async () => {
  await (await post('/count/x', 'key')).text();
  await sweep(9_000);
  await runInDurableObject(ledger(), (_, { storage }) => {
    storage.sql.exec('ALTER TABLE totals DROP COLUMN cancelled');
    storage.sql.exec('ALTER TABLE repeats DROP COLUMN joins');
  });
  await evictDurableObject(ledger());
  await (await post('/count/x', 'key')).text();
  await (await post('/count/x', 'another')).text();
  await sweep(9_000);
  expect(await query('SELECT runs FROM totals ORDER BY minute DESC LIMIT 1')).toBe(2);
  expect(await query('SELECT cancelled FROM totals ORDER BY minute DESC LIMIT 1')).toBe(0);
  expect(await query('SELECT replays FROM repeats')).toBe(1);
});

test('an object whose executions an earlier version wrote lists them, replays them, and writes down more of the next', async () => {
  await (await post('/count/x', 'key')).text();
  await runInDurableObject(ledger(), (_, { storage }) => {
    for (const column of ['method', 'path', 'trace']) {
      storage.sql.exec(`ALTER TABLE executions DROP COLUMN ${column}`);
    }
    storage.sql.exec('ALTER TABLE totals DROP COLUMN failures');
  });
  await evictDurableObject(ledger());
  pass(1_000);
  await (await post('/count/x', 'another')).text();
  expect(await ended()).toMatchObject([
    { method: 'POST', path: '/count/x' },
    { method: null, path: null, trace: null },
  ]);
  pass(3_000);
  expect((await post('/count/x', 'key')).headers.get('idempotent-replayed')).toBe('true');
});
