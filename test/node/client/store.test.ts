import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { MemoryStore, once, type ResultStore } from '../../../src/client/index.ts';
import { SqliteStore } from '../../../src/client/sqlite.ts';
import { signal } from './server.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const textIn = async (store: ResultStore, key: string) => {
  const value = await store.get(key);
  return value && new TextDecoder().decode(value);
};

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe.each<[string, (options?: { ttlMs?: number }) => MemoryStore | SqliteStore]>([
  ['MemoryStore', (options) => new MemoryStore(options)],
  ['SqliteStore', (options) => new SqliteStore(':memory:', options)],
])('%s', (_name, make) => {
  test('gives back the bytes that were set, under their own key only', async () => {
    const store = make();
    await store.set('a', bytes('one'));
    await store.set('b', new Uint8Array());
    expect(await textIn(store, 'a')).toBe('one');
    expect(await textIn(store, 'b')).toBe('');
    expect(await store.get('c')).toBeUndefined();
  });

  test('keeps its own copy', async () => {
    const store = make();
    const value = bytes('one');
    await store.set('a', value);
    value.fill(0);
    (await store.get('a'))?.fill(0);
    expect(await textIn(store, 'a')).toBe('one');
  });

  test('sets anew and forgets', async () => {
    const store = make();
    await store.set('a', bytes('one'));
    await store.set('a', bytes('two'));
    expect(await textIn(store, 'a')).toBe('two');
    await store.delete('a');
    await store.delete('a');
    expect(await store.get('a')).toBeUndefined();
  });

  test('forgets when the time is up, not before', async () => {
    const store = make({ ttlMs: 1_000 });
    await store.set('a', bytes('one'));
    vi.setSystemTime(Date.now() + 999);
    expect(await textIn(store, 'a')).toBe('one');
    vi.setSystemTime(Date.now() + 1);
    expect(await store.get('a')).toBeUndefined();
  });

  test('setting anew starts the time anew', async () => {
    const store = make({ ttlMs: 1_000 });
    await store.set('a', bytes('one'));
    vi.setSystemTime(Date.now() + 600);
    await store.set('a', bytes('two'));
    vi.setSystemTime(Date.now() + 600);
    expect(await textIn(store, 'a')).toBe('two');
  });

  test('once: the second call gets the first one’s result', async () => {
    const store = make();
    let runs = 0;
    const run = async () => ({ run: ++runs });
    expect(await once(store, 'a', run)).toEqual({ value: { run: 1 }, replayed: false });
    expect(await once(store, 'a', run)).toEqual({ value: { run: 1 }, replayed: true });
    expect(await once(store, 'b', run)).toEqual({ value: { run: 2 }, replayed: false });
  });

  test('once: concurrent calls share one run', async () => {
    const store = make();
    const { given, give } = signal<string>();
    const run = vi.fn(() => given);
    const calls = [once(store, 'a', run), once(store, 'a', run), once(store, 'a', run)];
    give('done');
    expect(await Promise.all(calls)).toEqual([
      { value: 'done', replayed: false },
      { value: 'done', replayed: true },
      { value: 'done', replayed: true },
    ]);
    expect(run).toHaveBeenCalledTimes(1);
  });

  test('once: a failed run is shared by who waits for it, and not recorded', async () => {
    const store = make();
    const failing = vi.fn(() => Promise.reject(new Error('no')));
    const failed = await Promise.allSettled([once(store, 'a', failing), once(store, 'a', failing)]);
    expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(failing).toHaveBeenCalledTimes(1);
    expect(await once(store, 'a', () => 'yes')).toEqual({ value: 'yes', replayed: false });
  });

  test('once: no result is a result', async () => {
    const store = make();
    const run = vi.fn(() => undefined);
    await once(store, 'a', run);
    expect(await once(store, 'a', run)).toEqual({ value: null, replayed: true });
    expect(run).toHaveBeenCalledTimes(1);
  });

  test.each([[1n], [() => 1]])('once: a result that is not JSON is a TypeError (%#)', async (result) => {
    await expect(once<unknown>(make(), 'a', () => result)).rejects.toThrow(TypeError);
  });

  test.each([{ ttlMs: 0 }, { ttlMs: 1.5 }, { ttlMs: Number.NaN }])('refuses %j', (options) => {
    expect(() => make(options)).toThrow(/^ttlMs: /);
  });
});

describe('MemoryStore', () => {
  test('holds no more entries than maxEntries; the oldest make room', async () => {
    const store = new MemoryStore({ maxEntries: 2 });
    await store.set('a', bytes('1'));
    await store.set('b', bytes('2'));
    await store.set('a', bytes('3'));
    await store.set('c', bytes('4'));
    expect([await textIn(store, 'a'), await textIn(store, 'b'), await textIn(store, 'c')]).toEqual([
      '3',
      undefined,
      '4',
    ]);
    expect(store.size).toBe(2);
  });

  test('holds no more bytes than maxBytes, and refuses what alone is more', async () => {
    const store = new MemoryStore({ maxBytes: 10 });
    await store.set('a', bytes('12345'));
    await store.set('b', bytes('12345'));
    await store.set('c', bytes('1'));
    expect([await textIn(store, 'a'), await textIn(store, 'b'), await textIn(store, 'c')]).toEqual([
      undefined,
      '12345',
      '1',
    ]);
    await store.delete('b');
    await store.set('d', bytes('123456789'));
    expect(store.size).toBe(2);
    await expect(store.set('e', bytes('12345678901'))).rejects.toThrow(RangeError);
    expect(store.size).toBe(2);
  });

  test('lets go of what has expired', async () => {
    const store = new MemoryStore({ ttlMs: 10 });
    await store.set('a', bytes('1'));
    vi.setSystemTime(Date.now() + 10);
    expect(store.size).toBe(0);
  });

  test.each([
    ['maxEntries', { maxEntries: 0 }],
    ['maxBytes', { maxBytes: -1 }],
  ])('refuses a bad %s', (name, options) => {
    expect(() => new MemoryStore(options)).toThrow(new RegExp(`^${name}: `));
  });
});

describe('SqliteStore', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'store-'));
  });
  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  test('remembers after it was closed, and after it was not', async () => {
    const path = join(directory, 'results.db');
    const first = new SqliteStore(path);
    await first.set('a', bytes('one'));
    // A second connection sees what a crashed first one would have left behind.
    using second = new SqliteStore(path);
    expect(await textIn(second, 'a')).toBe('one');
    first.close();
    expect(await textIn(second, 'a')).toBe('one');
    await expect(first.get('a')).rejects.toThrow();
  });

  test('gives the space of expired results back to new ones', async () => {
    using store = new SqliteStore(join(directory, 'results.db'), { ttlMs: 1_000 });
    const { DatabaseSync } = await import('node:sqlite');
    using reader = new DatabaseSync(join(directory, 'results.db'));
    for (let index = 0; index < 8; index += 1) await store.set(`old ${index}`, bytes('x'));
    vi.setSystemTime(Date.now() + 1_000);
    for (let index = 0; index < 2; index += 1) await store.set(`new ${index}`, bytes('x'));
    expect(reader.prepare('SELECT count(*) AS n FROM oncegate_results').get()).toEqual({ n: 2 });
  });

  test('needs a path', () => {
    expect(() => new SqliteStore('')).toThrow(/^path: /);
  });
});
