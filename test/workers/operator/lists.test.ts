import { reset, runInDurableObject } from 'cloudflare:test';
import { env, exports } from 'cloudflare:workers';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { ListQuery } from '../../../src/inspection.ts';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import { Listing } from '../../../src/ledger/store/listing.ts';
import { GATE, list, operator, post } from './gate.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] });
});

afterEach(async () => {
  vi.restoreAllMocks();
  vi.useRealTimers();
  await reset();
});

function pass(ms: number): void {
  vi.setSystemTime(Date.now() + ms);
}

async function pathsOf(query: string): Promise<(string | null)[]> {
  return (await list(`?${query}`)).executions.map(({ path }) => path);
}

function send(path: string, key: string, authorization: string, method = 'POST'): Promise<Response> {
  return exports.default.fetch(`${GATE}${path}`, {
    method,
    headers: { 'idempotency-key': key, authorization },
  });
}

test('a list is narrowed by time, method, path, status and caller, each by itself and together', async () => {
  const from = Date.now();
  await (await send('/bytes/1', 'a', 'Bearer anna')).arrayBuffer();
  pass(60_000);
  await (await send('/bytes/2', 'b', 'Bearer anna', 'PATCH')).arrayBuffer();
  pass(60_000);
  await (await send('/count/%_x', 'c', 'Bearer bert')).arrayBuffer();
  const iso = (ms: number) => new Date(from + ms).toISOString();

  expect(await pathsOf('')).toEqual(['/count/%25_x', '/bytes/2', '/bytes/1']);
  expect(await pathsOf('path=/bytes')).toEqual(['/bytes/2', '/bytes/1']);
  // What stands for something else in SQL stands for itself here.
  expect(await pathsOf(`path=${encodeURIComponent('/%')}`)).toEqual([]);
  expect(await pathsOf('method=PATCH')).toEqual(['/bytes/2']);
  expect(await pathsOf('status=200')).toHaveLength(3);
  expect(await pathsOf('status=201')).toEqual([]);
  expect(await pathsOf(`from=${iso(60_000)}`)).toEqual(['/count/%25_x', '/bytes/2']);
  expect(await pathsOf(`to=${iso(60_000)}`)).toEqual(['/bytes/1']);
  expect(await pathsOf(`from=${iso(1)}&to=${iso(120_000)}`)).toEqual(['/bytes/2']);

  const { executions } = await list();
  const [bert, anna, annaToo] = executions.map(({ caller }) => caller);
  expect(annaToo).toBe(anna);
  expect(bert).not.toBe(anna);
  expect(await pathsOf(`caller=${anna}`)).toEqual(['/bytes/2', '/bytes/1']);
  expect(await pathsOf(`caller=${anna}&method=POST`)).toEqual(['/bytes/1']);
});

test('an object that was seen to its end is not asked again while another looks on', async () => {
  await (await send('/refuse/bytes/1', 'a', 'Bearer anna')).arrayBuffer();
  pass(60_000);
  await (await send('/bytes/2', 'b', 'Bearer anna')).arrayBuffer();
  const real = Listing.prototype.list;
  const looks = new Map<Listing, number>();
  vi.spyOn(Listing.prototype, 'list').mockImplementation(function (this: Listing, query) {
    const look = (looks.get(this) ?? 0) + 1;
    looks.set(this, look);
    const part = real.call(this, query);
    const [newest] = part.executions;
    // The first look of the one that has the newest does not get far.
    if (look > 1 || newest?.path !== '/bytes/2') return part;
    return { executions: [], lookedTo: { receivedAt: newest.receivedAt + 1, id: '' } };
  });
  expect(await pathsOf('method=POST')).toEqual(['/bytes/2', '/refuse/bytes/1']);
  // Only these two have something that the first page left out.
  const asked = [...looks.values()];
  expect(asked.filter((times) => times === 2)).toHaveLength(2);
  expect(asked.filter((times) => times === 1).length).toBe(asked.length - 2);
  expect(asked.length).toBeGreaterThan(2);
});

test('a running execution is narrowed to as those that have ended are', async () => {
  const running = post('/slow/x', 'key');
  await expect.poll(() => pathsOf('state=running')).toEqual(['/slow/x']);
  expect(await pathsOf('path=/slow&method=POST')).toEqual(['/slow/x']);
  expect(await pathsOf('path=/fast')).toEqual([]);
  expect(await pathsOf('status=200')).toEqual([]);
  await (await running).text();
});

test.each([
  ['status=2xx', 'status must be an HTTP status.'],
  ['method=post', 'method must be a method in capitals, such as POST.'],
  ['path=x', 'path must begin with / and have 256 characters at most.'],
  ['caller=ANNA', 'caller must be four digits of hex, as lists give it.'],
  ['from=yesterday', 'from must be a time in UTC, such as 2026-11-25T14:30:00Z.'],
  ['to=2026-13-01T00:00', 'to is no time that there is.'],
])('a list with %s is refused, and told why', async (query, detail) => {
  const response = await operator(`/executions?${query}`);
  expect(await response.json()).toMatchObject({ status: 400, detail });
});

/** A listing of the object's own rows that reads so many of them at most, and how many it has read. */
function listWith(maxRows: number, query: ListQuery) {
  return runInDurableObject(env.LEDGER.getByName('/*:0'), (_: Ledger, { storage }) => {
    const parts = {
      counts: { repeatsOf: () => ({ replays: 0, joins: 0, refusals: {}, lastAt: null }) },
      runs: { all: () => [], find: () => null },
      archive: { lacks: () => false },
    };
    // biome-ignore lint/suspicious/noExplicitAny: a part of the parts is enough to list what has ended.
    const listing = new Listing(storage.sql, parts as any, maxRows);
    let rowsRead = 0;
    const exec = storage.sql.exec.bind(storage.sql);
    const cursors: { rowsRead: number }[] = [];
    vi.spyOn(Object.getPrototypeOf(storage.sql), 'exec').mockImplementation((...args: unknown[]) => {
      const cursor = Reflect.apply(exec, storage.sql, args);
      cursors.push(cursor);
      return cursor;
    });
    try {
      const part = listing.list(query);
      rowsRead = cursors.reduce((sum, cursor) => sum + cursor.rowsRead, 0);
      return { paths: part.executions.map(({ path }) => path), lookedTo: part.lookedTo, rowsRead };
    } finally {
      vi.restoreAllMocks();
    }
  });
}

test('a search reads no more rows at a time than it may, however many there are, and goes on where it was', async () => {
  for (let n = 0; n < 60; n += 1) {
    await (await post(`/bytes/${n}`, `key-${n}`)).arrayBuffer();
    pass(1_000);
  }
  const unknown = await listWith(10, { state: 'unknown', after: null, limit: 5 });
  expect(unknown).toMatchObject({ paths: [], lookedTo: null });
  expect(unknown.rowsRead).toBeLessThanOrEqual(2);
  const found: (string | null)[] = [];
  let after: ListQuery['after'] = null;
  let parts = 0;
  do {
    const part: Awaited<ReturnType<typeof listWith>> = await listWith(10, {
      path: '/bytes/7',
      after,
      limit: 5,
    });
    found.push(...part.paths);
    // Each row is looked up among the repeats too. The rest is finding the place, with the rows of five
    // seconds.
    expect(part.rowsRead).toBeLessThanOrEqual(2 * (10 + 6) + 2 * 7 + 2);
    after = part.lookedTo;
    parts += 1;
  } while (after !== null && parts < 20);
  expect(parts).toBe(6);
  expect(found).toEqual(['/bytes/7']);
});

test('a page is filled by looking on, and what matches is found however far back it is', async () => {
  vi.useRealTimers();
  await (await post('/count/first', 'key-first')).text();
  for (let n = 0; n < 30; n += 1) await (await post(`/bytes/${n}`, `key-${n}`)).arrayBuffer();
  expect(await pathsOf('path=/count/first')).toEqual(['/count/first']);
  expect(await pathsOf('key=key-first')).toEqual(['/count/first']);
});

test('a list is newest first, page by page, with nothing twice and nothing left out', async () => {
  const routes = ['/count/x', '/refuse/count/x'];
  for (let n = 0; n < 23; n += 1) {
    await post(routes[n % 2] ?? '', `key-${n}`);
    // Several in one millisecond, too.
    if (n % 3 === 0) pass(1);
  }
  const pages = [await list('?limit=5')];
  for (let next = pages[0]?.next; next !== null && next !== undefined; next = pages.at(-1)?.next) {
    pages.push(await list(`?limit=5&cursor=${encodeURIComponent(next)}`));
  }
  const all = pages.flatMap(({ executions }) => executions);
  expect(pages.map(({ executions }) => executions.length)).toEqual([5, 5, 5, 5, 3]);
  expect(new Set(all.map(({ id }) => id)).size).toBe(23);
  const times = all.map(({ receivedAt }) => receivedAt);
  expect(times).toEqual(times.toSorted().reverse());
});

test.each([
  ['state=lost', 'state must be running, completed or unknown.'],
  ['state=', 'state must be running, completed or unknown.'],
  ['limit=0', 'limit must be a whole number from 1 to 200.'],
  ['limit=201', 'limit must be a whole number from 1 to 200.'],
  ['limit=ten', 'limit must be a whole number from 1 to 200.'],
  ['route=/none', 'route must be one of /refuse/*, /judged/*, /alone/*, /limited/*, /*.'],
  ['cursor=none', 'cursor is not one that a page before has given.'],
  ['key=', 'key must not be empty.'],
  [`key=${'k'.repeat(1025)}`, 'key is longer than any key.'],
  ['states=running', 'states is not a parameter; did you mean state?'],
  [
    'colour=red',
    'colour is not a parameter; there are key, route, state, status, method, path, caller, from, to, limit, cursor.',
  ],
  [
    'limit=0&state=lost',
    'state must be running, completed or unknown; limit must be a whole number from 1 to 200.',
  ],
])('a query with %s is refused, and told why in words for people', async (query, detail) => {
  const response = await operator(`/executions?${query}`);
  expect(response.status).toBe(400);
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  expect(await response.json()).toMatchObject({ status: 400, detail });
});

test.each(['state=lost', 'limit=0', 'colour=red'])('the console says the same of %s', async (query) => {
  const text = await (await operator(`/console/executions?${query}`)).text();
  expect(text).toMatch(/state must be|limit must be|colour is not a parameter/);
  expect(text).not.toMatch(/Expected|received|Invalid/);
});

test('a key can be looked for by a field, which logs of addresses do not keep', async () => {
  await post('/count/x', 'order-1');
  await post('/count/x', 'order-2');
  for (const key of ['order-1', '"order-1"']) {
    const response = await operator('/executions', { headers: { 'oncegate-key': key } });
    expect(response.headers.get('vary')).toBe('Oncegate-Key');
    expect(await response.json()).toEqual(await list('?key=order-1'));
  }
  expect(
    await (await operator('/executions', { headers: { 'oncegate-key': 'order-3' } })).json(),
  ).toMatchObject({
    executions: [],
  });
});

test.each([
  ['?key=a', 'a', 'key is given twice, in the query and in Oncegate-Key.'],
  ['', '', 'key must not be empty.'],
])('%j with %j in the field is refused', async (query, key, detail) => {
  const response = await operator(`/executions${query}`, { headers: { 'oncegate-key': key } });
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ detail });
});
