import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env, exports } from 'cloudflare:workers';
import { expect, test, vi } from 'vitest';
import { ledger, MIB, pass, running, testNumber, useWorld } from './world.ts';

/**
 * What Cloudflare bills a ledger object for, counted by SQLite itself. docs/cost.md takes its figures from
 * here.
 */
interface Bill {
  readonly rowsRead: number;
  readonly rowsWritten: number;
  /** Each costs a row more, and a request when it fires. */
  readonly alarmsSet: number;
}

useWorld();

/** Sends so many requests, and waits until RESULTS has what is to be there: time is not to pass meanwhile. */
async function requests(count: number, path: string, archived = count): Promise<void> {
  for (let n = 0; n < count; n += 1) {
    const headers = { 'idempotency-key': `key-${n}`, authorization: `Bearer ${testNumber()}` };
    const init = { method: 'POST', headers };
    await (await exports.default.fetch(`https://gate.example${path}`, init)).arrayBuffer();
  }
  await expect.poll(async () => (await env.RESULTS.list()).keys.length).toBe(archived);
}

/**
 * Counts from now on what happens in the one ledger object of a route. Each call takes what came since the
 * last.
 */
async function counter(route = '/*'): Promise<() => Bill> {
  const cursors: { rowsRead: number; rowsWritten: number }[] = [];
  let alarmsSet = 0;
  await runInDurableObject(ledger(route), (_, { storage }) => {
    const { sql } = storage;
    const exec = sql.exec.bind(sql);
    vi.spyOn(Object.getPrototypeOf(sql), 'exec').mockImplementation((...args: unknown[]) => {
      const cursor = Reflect.apply(exec, sql, args);
      cursors.push(cursor);
      return cursor;
    });
    const setAlarm = storage.setAlarm.bind(storage);
    vi.spyOn(Object.getPrototypeOf(storage), 'setAlarm').mockImplementation((...args: unknown[]) => {
      alarmsSet += 1;
      return Reflect.apply(setAlarm, storage, args);
    });
  });
  return () => {
    const taken = cursors.splice(0);
    const bill = {
      rowsRead: taken.reduce((sum, { rowsRead }) => sum + rowsRead, 0),
      rowsWritten: taken.reduce((sum, { rowsWritten }) => sum + rowsWritten, 0),
      alarmsSet,
    };
    alarmsSet = 0;
    return bill;
  };
}

const HOT_MS = 301_000;
const DAY_MS = 86_401_000;

/** The counts of the minutes that saw something are a row each, which all executions share. */
const COUNT_ROWS = 1;

// The rows: the result and its index, and the row removed; under `refuse`, the intent, too. Of a body of
// several pieces: when it may leave, that it has left, and each full piece with its index, and once more to
// remove it.
test.each([
  { what: 'one of 1 KB', count: 1, bytes: 1024, rows: 3 },
  { what: 'many of 1 KB', count: 250, bytes: 1024, rows: 3 },
  { what: 'many of 100 KB', count: 20, bytes: 102_400, rows: 3 },
  { what: 'one of 3 MiB', count: 1, bytes: 3 * MIB, rows: 20 },
  { what: 'many of 1 KB under `refuse`', count: 250, bytes: 1024, rows: 4, route: '/refuse/*' },
  {
    what: 'many of 1 KB that stay in the ledger alone',
    count: 250,
    bytes: 1024,
    rows: 3,
    route: '/alone/*',
    archived: 0,
  },
])('the whole life of executions writes no more rows than docs/cost.md counts with: $what', async (life) => {
  const { route = '/*' } = life;
  const take = await counter(route);

  await requests(life.count, route.replace('/*', `/bytes/${life.bytes}`), life.archived);
  pass(HOT_MS);
  await runDurableObjectAlarm(ledger(route));
  pass(DAY_MS);
  await runDurableObjectAlarm(ledger(route));

  const bill = take();
  expect(bill.rowsWritten).toBe(life.rows * life.count + COUNT_ROWS);
  expect(bill.alarmsSet).toBe(2);
  expect(bill.rowsRead).toBeLessThanOrEqual(32 * life.count);
});

test('a key that is replayed costs two rows more, however often, and none when it is replayed', async () => {
  const KEYS = 20;
  const take = await counter();

  await requests(KEYS, '/bytes/1024');
  take();
  for (let times = 0; times < 3; times += 1) {
    await requests(KEYS, '/bytes/1024');
    // Past its leases, so that the ledger is asked each time.
    pass(3_000);
  }
  const replays = take();
  pass(HOT_MS);
  await runDurableObjectAlarm(ledger());
  pass(DAY_MS);
  await runDurableObjectAlarm(ledger());

  expect(replays).toMatchObject({ rowsWritten: 0, alarmsSet: 0 });
  const REMOVED = 1;
  expect(take().rowsWritten).toBe((REMOVED + 2) * KEYS + COUNT_ROWS);
});

/** Lets the object live from alarm to alarm. Returns how many seconds after now each of them came. */
async function alarms(betweenThem: () => Promise<void> = async () => {}): Promise<number[]> {
  const seconds: number[] = [];
  const from = Date.now();
  // One that wakes too often is found out long before its day has passed.
  while (seconds.length < 300) {
    const at = await runInDurableObject(ledger(), (_, { storage }) => storage.getAlarm());
    if (at === null) break;
    vi.setSystemTime(at);
    seconds.push((at - from) / 1000);
    await runDurableObjectAlarm(ledger());
    await betweenThem();
  }
  return seconds;
}

test('an execution alone in its object has it wake twice: to write down, and to remove', async () => {
  const take = await counter();
  const requested = requests(1, '/slow/x');
  await expect.poll(() => running()).toBe(1);
  await requested;
  expect(await alarms()).toEqual([expect.closeTo(8, 0), 86_400]);
  expect(take()).toMatchObject({ rowsWritten: 3 + COUNT_ROWS, alarmsSet: 2 });
});

test('an object that is put away between its alarms wakes no more often', async () => {
  await requests(1, '/bytes/1024');
  expect(await alarms(() => evictDurableObject(ledger()))).toEqual([8, 86_400]);
});

test('a busy object does what is due together: it wakes once in eight seconds, and writes three rows more each time', async () => {
  const SECONDS = 600;
  const take = await counter();
  let busyFrom = 0;
  let wokenBusy = 0;
  for (let second = 0; second < SECONDS; second += 1) {
    pass(1_000);
    const headers = { 'idempotency-key': `key-${second}`, authorization: `Bearer ${testNumber()}` };
    await (
      await exports.default.fetch('https://gate.example/bytes/10', { method: 'POST', headers })
    ).arrayBuffer();
    const at = await runInDurableObject(ledger(), (_, { storage }) => storage.getAlarm());
    if (at === null || at > Date.now()) continue;
    await runDurableObjectAlarm(ledger());
    if (second < 310) {
      take();
      busyFrom = second;
    } else {
      wokenBusy += 1;
    }
  }
  const busySeconds = SECONDS - busyFrom;
  const RESULT_AND_INDEX = 2;
  const { rowsWritten, alarmsSet } = take();
  // Each sweep sets it for the end of the oldest row, and the next request has it come sooner.
  expect(alarmsSet).toBeLessThanOrEqual(2 * (busySeconds / 8 + 1));
  expect(rowsWritten).toBeLessThanOrEqual(RESULT_AND_INDEX * (busySeconds + 5) + wokenBusy);
  expect(wokenBusy).toBeGreaterThan(30);
}, 60_000);
