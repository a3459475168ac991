import { evictDurableObject, runInDurableObject } from 'cloudflare:test';
import { expect, test } from 'vitest';
import { ledger, post, query, sweep, useWorld } from './world.ts';

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
