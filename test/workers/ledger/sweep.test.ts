import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { expect, test, vi } from 'vitest';
import { DAY_MS, ended, HOT_MS, ledger, MIB, pass, post, testNumber, useWorld } from './world.ts';

/** So late at most is done what is due, as it is done together. */
const SWEEP_GAP_MS = 5_001;
/** The path of a result in more than one row, whose body leaves when it is no longer hot. */
const LARGE = `/bytes/${MIB / 2 + 1}`;

useWorld();

/** Runs a request to its end, and waits until RESULTS has it, as far as its object knows. */
async function run(path: string, key: string): Promise<void> {
  await (await post(path, key)).arrayBuffer();
  await expect.poll(async () => (await ended()).every(({ archivedAt }) => archivedAt !== null)).toBe(true);
}

async function places(): Promise<string> {
  return (await ended()).map(({ place }) => place).join();
}

/** Goes to the time of the next alarm, and has it come. Returns how many ms later that is. */
async function nextAlarm(): Promise<number> {
  const at = await runInDurableObject(ledger(), (_, { storage }) => storage.getAlarm());
  if (at === null) throw new Error('there is no alarm');
  const later = Math.max(0, at - Date.now());
  pass(later);
  await runDurableObjectAlarm(ledger());
  return later;
}

/** Every put into RESULTS from now on, by its id. */
function putsIntoResults() {
  return vi.spyOn(Object.getPrototypeOf(env.RESULTS), 'put');
}

test('a result goes to RESULTS once, although its object is put away before its body leaves, and its time there stays', async () => {
  const puts = putsIntoResults();
  await run(LARGE, 'key');
  await nextAlarm();
  const [before] = await ended();
  expect(before?.archivedAt).toBe(before?.recordedAt);
  for (let times = 0; times < 3; times += 1) {
    await evictDurableObject(ledger());
    pass(10_000);
    expect(await ended()).toEqual([before]);
  }

  pass(HOT_MS);
  await runDurableObjectAlarm(ledger());
  expect(await ended()).toEqual([{ ...before, place: 'results' }]);
  expect(puts).toHaveBeenCalledTimes(1);
});

test('a result that may have been on its way when its object was lost goes to RESULTS again, soon', async () => {
  const puts = putsIntoResults();
  await run(LARGE, 'key');
  // Nothing has been written down since.
  await evictDurableObject(ledger());
  expect(await ended()).toMatchObject([{ place: 'ledger', archivedAt: null }]);
  expect(await nextAlarm()).toBeLessThan(2_000);
  expect(puts).toHaveBeenCalledTimes(2);
  const [view] = await ended();
  expect(view?.archivedAt).toBe(Date.now());

  await evictDurableObject(ledger());
  pass(HOT_MS);
  await runDurableObjectAlarm(ledger());
  expect(puts).toHaveBeenCalledTimes(2);
  expect(await ended()).toEqual([{ ...view, place: 'results' }]);
});

test('a result that RESULTS did not take is known not to be there after a restart, and gets there as soon as it can', async () => {
  const puts = putsIntoResults().mockRejectedValue(new Error('KV is out of reach'));
  await (await post(LARGE, 'key')).arrayBuffer();
  await expect.poll(() => puts.mock.calls.length).toBe(1);
  // Nothing is lost meanwhile, however long it takes, whoever comes and goes.
  pass(HOT_MS);
  for (let times = 0; times < 3; times += 1) {
    await nextAlarm();
    await evictDurableObject(ledger());
    expect(await ended()).toMatchObject([{ place: 'ledger', archivedAt: null }]);
  }
  puts.mockRestore();
  await nextAlarm();
  const archivedAt = Date.now();
  // Until every place can see it there.
  pass(59_000);
  await runDurableObjectAlarm(ledger());
  expect(await ended()).toMatchObject([{ place: 'ledger', archivedAt }]);
  while ((await places()) === 'ledger') await nextAlarm();
  expect(Date.now() - archivedAt).toBeLessThan(60_000 + SWEEP_GAP_MS);
  expect(await ended()).toMatchObject([{ place: 'results', archivedAt }]);
  pass(3_000);
  expect((await post(LARGE, 'key')).headers.get('idempotent-replayed')).toBe('true');
});

test('after a restart, a new request does not postpone what is due: a body leaves when it is no longer hot', async () => {
  const from = Date.now();
  await run(LARGE, 'first');
  await nextAlarm();
  pass(200_000);
  await evictDurableObject(ledger());
  await run(LARGE, 'second');
  while ((await places()) === 'ledger,ledger') await nextAlarm();
  expect(await places()).toBe('ledger,results');
  expect(Date.now() - from).toBeLessThan(HOT_MS + SWEEP_GAP_MS);
});

test('after a restart, a new request does not postpone what is due: a row goes when its time has ended', async () => {
  const from = Date.now();
  await run(LARGE, 'first');
  await nextAlarm();
  await nextAlarm();
  pass(DAY_MS - HOT_MS - 20_000);
  await evictDurableObject(ledger());
  await run(LARGE, 'second');
  while ((await places()) === 'ledger,results') await nextAlarm();
  expect(await places()).toBe('ledger');
  expect(Date.now() - from).toBeLessThan(DAY_MS + SWEEP_GAP_MS);
});

test('a body that somebody reads holds up no other, and is not read again and again', async () => {
  const KEYS = 40;
  await run(`/bytes/${2 * MIB}`, 'held');
  const reading = await post(`/bytes/${2 * MIB}`, 'held');
  for (let n = 0; n < KEYS; n += 1) await (await post(LARGE, `key-${n}`)).arrayBuffer();
  await run(LARGE, 'last');
  pass(HOT_MS + 1_000);
  await runDurableObjectAlarm(ledger());
  expect(new Set((await ended()).map(({ place }) => place))).toEqual(new Set(['results', 'ledger']));
  expect((await ended()).filter(({ place }) => place === 'ledger')).toHaveLength(1);

  const rowsRead = await rowsReadBy(async () => {
    pass(31_000);
    await runDurableObjectAlarm(ledger());
  });
  expect((await ended()).filter(({ place }) => place === 'ledger')).toHaveLength(1);
  expect(rowsRead).toBeLessThan(20);

  await reading.arrayBuffer();
  pass(31_000);
  await runDurableObjectAlarm(ledger());
  expect((await ended()).filter(({ place }) => place === 'ledger')).toHaveLength(0);
});

test('a client that reads nothing of a recorded body is cut off, and the body leaves', async () => {
  await run(`/bytes/${4 * MIB}`, 'key');
  vi.useFakeTimers({ toFake: ['Date', 'setInterval', 'clearInterval'], now: Date.now() });
  const stalled = await post(`/bytes/${4 * MIB}`, 'key');
  pass(HOT_MS);
  await runDurableObjectAlarm(ledger());
  expect(await places()).toBe('ledger');
  await runInDurableObject(ledger(), () => vi.advanceTimersByTimeAsync(601_000));
  await runDurableObjectAlarm(ledger());
  expect(await places()).toBe('results');
  await expect(stalled.arrayBuffer()).rejects.toThrow();
});

test('a run that takes long holds up no other, and its body leaves in its own time, also after a restart', async () => {
  const origin = async (order: string) => (await env.ORIGIN.fetch(`https://origin.example/${order}`)).text();
  const long = post(`/held/large-${testNumber()}`, 'long');
  await origin(`arrived/large-${testNumber()}/1`);
  pass(1);
  await run(LARGE, 'short');
  pass(HOT_MS + 1_000);
  await runDurableObjectAlarm(ledger());
  expect(await places()).toBe('results');

  await origin(`verdict/large-${testNumber()}/1/finish`);
  await (await long).arrayBuffer();
  const endedAt = Date.now();
  pass(1);
  await run(LARGE, 'later');
  await nextAlarm();
  await evictDurableObject(ledger());
  pass(HOT_MS - 20_000);
  await runDurableObjectAlarm(ledger());
  expect(await places()).toBe('ledger,results,ledger');
  while ((await places()).includes('ledger')) await nextAlarm();
  expect(Date.now() - endedAt).toBeLessThan(HOT_MS + SWEEP_GAP_MS);
});

test('a row that ends before older ones goes when its time has ended, and an idle object wakes for it', async () => {
  for (const key of ['a', 'b', 'c']) await run(LARGE, key);
  await runInDurableObject(ledger(), (_, { storage }) => {
    storage.sql.exec('UPDATE executions SET expires_at = expires_at + 1000000000 WHERE seq < 3');
  });
  const from = Date.now();
  await evictDurableObject(ledger());
  while ((await ended()).length === 3) await nextAlarm();
  expect(Date.now() - from).toBeLessThan(DAY_MS + SWEEP_GAP_MS);
});

/** How many rows SQLite reads for what is done meanwhile. */
async function rowsReadBy(action: () => Promise<void>): Promise<number> {
  const cursors: SqlStorageCursor<Record<string, SqlStorageValue>>[] = [];
  await runInDurableObject(ledger(), (_, { storage: { sql } }) => {
    const exec = sql.exec.bind(sql);
    vi.spyOn(Object.getPrototypeOf(sql), 'exec').mockImplementation((...args: unknown[]) => {
      const cursor = Reflect.apply(exec, sql, args);
      cursors.push(cursor);
      return cursor;
    });
  });
  await action();
  vi.restoreAllMocks();
  return cursors.reduce((sum, { rowsRead }) => sum + rowsRead, 0);
}
