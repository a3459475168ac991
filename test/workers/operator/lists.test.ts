import { reset, runInDurableObject } from 'cloudflare:test';
import { env, exports } from 'cloudflare:workers';
import * as v from 'valibot';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { ListQuery } from '../../../src/inspection.ts';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import { Listing } from '../../../src/ledger/store/listing.ts';
import { executionList } from '../../../src/operator/schemas.ts';
import { GATE, operator, post } from './gate.ts';

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

async function pathsOf(query: string): Promise<(string | null)[]> {
  const response = await operator(`/executions?${query}`);
  expect(response.status).toBe(200);
  return v.parse(executionList, await response.json()).executions.map(({ path }) => path);
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

  const { executions } = v.parse(executionList, await (await operator('/executions')).json());
  const [bert, anna, annaToo] = executions.map(({ caller }) => caller);
  expect(annaToo).toBe(anna);
  expect(bert).not.toBe(anna);
  expect(await pathsOf(`caller=${anna}`)).toEqual(['/bytes/2', '/bytes/1']);
  expect(await pathsOf(`caller=${anna}&method=POST`)).toEqual(['/bytes/1']);
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
