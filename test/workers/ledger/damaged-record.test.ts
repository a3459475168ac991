import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { expect, test } from 'vitest';
import { cool, LARGE, ledger, MIB, post, useWorld } from './world.ts';

useWorld();

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
