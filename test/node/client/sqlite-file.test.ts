import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { SqliteStore } from '../../../src/client/sqlite.ts';

const others = vi.hoisted(() => ({ own: false }));

vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>();
  const refused = Object.assign(new Error('operation not permitted'), { code: 'EPERM' });
  const chmod: typeof fs.chmodSync = (...args) => {
    if (others.own) throw refused;
    fs.chmodSync(...args);
  };
  return { ...fs, chmodSync: chmod };
});

let directory: string;
let path: string;
let umask: number;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'store-'));
  path = join(directory, 'results.db');
  umask = process.umask(0o022);
});
afterEach(() => {
  others.own = false;
  process.umask(umask);
  rmSync(directory, { recursive: true });
});

const value = new TextEncoder().encode('private');
const modes = () =>
  Object.fromEntries(
    readdirSync(directory).map((file) => [file, (statSync(join(directory, file)).mode & 0o777).toString(8)]),
  );
const ALL_PRIVATE = { 'results.db': '600', 'results.db-shm': '600', 'results.db-wal': '600' };

test.each([
  ['022', 0o022],
  ['000', 0],
])(
  'a new file, and those that SQLite puts beside it, are the owner’s alone (umask %s)',
  async (_name, mask) => {
    process.umask(mask);
    using store = new SqliteStore(path);
    await store.set('a', value);
    expect(modes()).toEqual(ALL_PRIVATE);
  },
);

test('files that others could read are taken from them, and keep what is in them', async () => {
  using before = new SqliteStore(path);
  await before.set('a', value);
  for (const file of Object.keys(ALL_PRIVATE)) chmodSync(join(directory, file), 0o644);
  using store = new SqliteStore(path);
  expect(modes()).toEqual(ALL_PRIVATE);
  expect(await store.get('a')).toEqual(value);
  await before.set('b', value);
  expect(await store.get('b')).toEqual(value);
});

test('a link leads to files that are the owner’s alone, whether they are there or not', async () => {
  for (const there of [false, true]) {
    const target = join(directory, `target-${there}.db`);
    if (there) writeFileSync(target, '');
    symlinkSync(target, `${path}-${there}`);
    using store = new SqliteStore(`${path}-${there}`);
    await store.set('a', value);
    expect(new Set(Object.values(modes()))).toEqual(new Set(['600']));
  }
});

test('somebody else’s file that others may read is not used', () => {
  writeFileSync(path, '', { mode: 0o644 });
  others.own = true;
  expect(() => new SqliteStore(path)).toThrow(/is open to other users of this machine/);
});

test('a URI is refused, as it may name another file', () => {
  expect(() => new SqliteStore(`file:${path}?mode=rwc`)).toThrow(/^path: /);
  expect(readdirSync(directory)).toEqual([]);
});

test('a store in memory makes no file', async () => {
  const before = readdirSync('.');
  using store = new SqliteStore(':memory:');
  await store.set('a', value);
  expect(readdirSync('.')).toEqual(before);
});
