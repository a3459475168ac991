import { evictDurableObject, reset, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import * as v from 'valibot';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { executionDetail } from '../../../src/operator/schemas.ts';
import { list, operator, post } from './gate.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] });
});

afterEach(async () => {
  vi.useRealTimers();
  await reset();
});

function pass(ms: number): void {
  vi.setSystemTime(Date.now() + ms);
}

/** From now on no Worker replays anything without asking, and an operator waits for none. */
function passLeases(): void {
  pass(3_000);
}

function ledger(route = '/*') {
  return env.LEDGER.getByName(`${route}:0`);
}

async function onlyId(query = ''): Promise<string> {
  const { executions } = await list(query);
  expect(executions).toHaveLength(1);
  return executions[0]?.id ?? '';
}

async function detail(id: string) {
  return v.parse(executionDetail, await (await operator(`/executions/${id}`)).json());
}

test('an execution is found by its key, quoted or bare, and by no other', async () => {
  await post('/count/x', 'order-1');
  await post('/count/x', 'order-2');
  const bare = await list('?key=order-1');
  const quoted = await list(`?key=${encodeURIComponent('"order-1"')}`);

  expect(bare.executions).toHaveLength(1);
  expect(quoted).toEqual(bare);
  expect(bare.executions[0]).toMatchObject({
    route: '/*',
    shard: 0,
    state: 'completed',
    status: 200,
    place: 'ledger',
  });
  expect((await list('?key=order-3')).executions).toEqual([]);
});

test('neither the key nor anything of the response is in what the operator sees, or in the ledger', async () => {
  await post('/count/x', 'a-key-to-look-for');
  const id = await onlyId();
  const seen = await Promise.all(
    [
      `/executions`,
      `/executions/${id}`,
      '/metrics',
      '/',
      '/console/executions',
      `/console/executions/${id}`,
    ].map(async (path) => (await operator(path)).text()),
  );
  for (const text of seen) {
    expect(text).not.toContain('a-key-to-look-for');
    expect(text).not.toContain('x-run');
  }
  const stored = await runInDurableObject(ledger(), (_, state) =>
    JSON.stringify(
      ['executions', 'repeats', 'totals'].map((table) =>
        state.storage.sql.exec(`SELECT * FROM ${table}`).toArray(),
      ),
    ),
  );
  expect(stored).not.toContain('a-key-to-look-for');
});

test('the timeline tells received, sent, head, recorded and archived, in this order', async () => {
  await post('/count/x', 'key');
  const execution = await detail(await onlyId());
  expect(execution.timeline.map(({ event }) => event)).toEqual([
    'received',
    'sent',
    'head',
    'recorded',
    'archived',
    'expires',
  ]);
  expect(execution.bytes).toBeGreaterThan(0);
});

test('what a completed execution says stays the same when its body has left the ledger', async () => {
  // Only what is larger than a row leaves the ledger.
  await (await post('/bytes/600000', 'key')).arrayBuffer();
  const id = await onlyId();
  await expect.poll(async () => (await detail(id)).archivedAt).not.toBeNull();
  const hot = await detail(id);
  pass(301_000);
  await runDurableObjectAlarm(ledger());
  await evictDurableObject(ledger());
  expect(await detail(hot.id)).toEqual({ ...hot, place: 'results' });
});

test('replays and refusals are counted with their execution, and survive a restart once written down', async () => {
  await post('/count/x', 'key');
  await post('/count/x', 'key');
  passLeases();
  await post('/count/x', 'key');
  await post('/count/x', 'key', { body: 'another request' });
  const id = await onlyId();
  const counts = { replays: 2, joins: 0, refusals: { 'key-reused': 1, 'in-progress': 0 } };
  expect(await detail(id)).toMatchObject(counts);

  await runDurableObjectAlarm(ledger());
  expect(await detail(id)).toMatchObject(counts);
  await evictDurableObject(ledger());
  expect(await detail(id)).toMatchObject(counts);

  passLeases();
  await post('/count/x', 'key');
  await runDurableObjectAlarm(ledger());
  expect(await detail(id)).toMatchObject({ ...counts, replays: 3 });
});

test('the counts of an execution are not those of the next one with its key', async () => {
  await post('/count/x', 'key');
  await post('/count/x', 'key');
  pass(25 * 3_600_000);
  await post('/count/x', 'key');
  expect(await detail(await onlyId())).toMatchObject({ replays: 0 });
});

test('counting writes nothing on the way of a request', async () => {
  await post('/count/x', 'key');
  await runDurableObjectAlarm(ledger());
  // The first count after a flush asks for the next one; what follows costs nothing.
  await post('/count/x', 'key');
  passLeases();
  const written = await runInDurableObject(ledger(), (_, state) => state.storage.sql.databaseSize);
  const rows = () =>
    runInDurableObject(ledger(), (_, state) =>
      JSON.stringify([
        state.storage.sql.exec('SELECT * FROM totals').toArray(),
        state.storage.sql.exec('SELECT * FROM repeats').toArray(),
      ]),
    );
  const before = await rows();
  for (let n = 0; n < 20; n += 1) {
    await post('/count/x', 'key');
    passLeases();
  }
  expect(await rows()).toBe(before);
  expect(await runInDurableObject(ledger(), (_, state) => state.storage.sql.databaseSize)).toBe(written);
});

test('an alarm comes within ten seconds of something to write down', async () => {
  await post('/count/x', 'key');
  const alarm = () => runInDurableObject(ledger(), (_, state) => state.storage.getAlarm());
  expect(Number(await alarm()) - Date.now()).toBeLessThanOrEqual(10_000);
  await runDurableObjectAlarm(ledger());
  expect(Number(await alarm()) - Date.now()).toBeGreaterThan(200_000);
  await post('/count/x', 'key');
  expect(Number(await alarm()) - Date.now()).toBeLessThanOrEqual(10_000);
});

test('a list can be narrowed to a route and to a state', async () => {
  await post('/count/x', 'one');
  await post('/refuse/count/x', 'two');
  await cutOff('/refuse/*');
  expect((await list('?route=/refuse/*')).executions).toMatchObject([
    { route: '/refuse/*', state: 'unknown', cause: 'gateway-restarted' },
  ]);
  expect((await list('?state=completed')).executions).toMatchObject([{ route: '/*' }]);
  expect((await list('?state=unknown')).executions).toMatchObject([{ route: '/refuse/*' }]);
  expect((await list('?state=running')).executions).toEqual([]);
});

/** What a ledger finds that died between the intent and the result. */
async function cutOff(route: string): Promise<void> {
  await runInDurableObject(ledger(route), (_, state) => {
    state.storage.sql.exec(
      `UPDATE executions SET state = 'running', place = NULL, status = NULL, completed_at = NULL`,
    );
  });
  await evictDurableObject(ledger(route));
}

test('a forgotten result leaves nothing, and the next request runs', async () => {
  const first = await (await post('/count/x', 'key')).text();
  const id = await onlyId();
  await vi.waitFor(async () => expect((await env.RESULTS.list()).keys).toHaveLength(1));
  passLeases();
  expect((await operator(`/executions/${id}`, { method: 'DELETE' })).status).toBe(204);

  expect((await list()).executions).toEqual([]);
  expect((await env.RESULTS.list()).keys).toEqual([]);
  expect((await operator(`/executions/${id}`)).status).toBe(404);
  const second = await post('/count/x', 'key');
  expect(second.headers.get('idempotent-replayed')).toBeNull();
  expect(await second.text()).not.toBe(first);
});

test('a forgotten result in pieces leaves none of them', async () => {
  await (await post(`/bytes/${3 * 1024 * 1024}`, 'key')).arrayBuffer();
  passLeases();
  await operator(`/executions/${await onlyId()}`, { method: 'DELETE' });
  const left = await runInDurableObject(
    ledger(),
    (_, state) => state.storage.sql.exec<{ n: number }>('SELECT count(*) AS n FROM pieces').one().n,
  );
  expect(left).toBe(0);
});

test('a forgotten unknown outcome may run again, even where unknowns are refused', async () => {
  await post('/refuse/count/x', 'key');
  await cutOff('/refuse/*');
  expect((await post('/refuse/count/x', 'key')).status).toBe(409);
  passLeases();
  await operator(`/executions/${await onlyId()}`, { method: 'DELETE' });
  expect((await post('/refuse/count/x', 'key')).status).toBe(200);
});

test('there is nothing to forget where nothing is known', async () => {
  expect((await operator(`/executions/${'a'.repeat(43)}`, { method: 'DELETE' })).status).toBe(404);
  const malformed = await operator('/executions/short', { method: 'DELETE' });
  expect(malformed.status).toBe(400);
  expect(await malformed.json()).toMatchObject({
    detail: 'An execution’s id has 43 characters of base64url.',
  });
});

test('a run that a restart cut off is counted as unknown, once', async () => {
  await post('/refuse/count/x', 'key');
  await cutOff('/refuse/*');
  expect((await post('/refuse/count/x', 'key')).status).toBe(409);
  await runDurableObjectAlarm(ledger('/refuse/*'));
  await evictDurableObject(ledger('/refuse/*'));
  const metrics = await (await operator('/metrics')).text();
  expect(metrics).toContain('oncegate_unknown_outcomes{route="/refuse/*"} 1');
  expect(metrics).toContain('oncegate_run_results_total{route="/refuse/*",result="unknown"} 1');
});
