import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';

/** The house from the roof down, in the order of ARCHITECTURE.md. Who is on a line may import from those below it, and from itself. */
const FLOORS = [
  ['worker.ts'],
  ['index.ts'],
  ['gateway.ts', 'hono'],
  ['once.ts'],
  ['operator'],
  ['asynchronous.ts'],
  ['keyed.ts', 'proxy.ts'],
  ['ask'],
  ['ledger'],
  ['response'],
  ['request'],
  ['policy.ts', 'setting-texts.ts'],
  ['config.ts'],
  ['unknown-settings.ts'],
  ['settings.ts'],
  ['setting-values.ts'],
  ['record'],
  ['bindings.ts', 'sealed-head.ts'],
  ['inspection.ts'],
  ['protocol.ts'],
  ['body-bytes.ts'],
  [
    'budget.ts',
    'bytes.ts',
    'counters.ts',
    'deadline.ts',
    'failed-when.ts',
    'format.ts',
    'headers.ts',
    'key-from.ts',
    'log.ts',
    'nearest-name.ts',
    'origin.ts',
    'own-invocation.ts',
    'path-spelling.ts',
    'scope-from.ts',
  ],
  ['histogram.ts', 'json-pointer.ts', 'time.ts'],
];

/** These go out as programs and a library of their own. The client imports nothing of the rest. */
const APART = ['cli', 'client', 'demo'];

/** The one thing that gateway and client have in common. */
const SHARED = 'client/credential-fields.ts';

const src = new URL('../../../src/', import.meta.url).pathname;
const files = globSync('**/*.{ts,tsx}', { cwd: src }).filter((file) => !file.endsWith('.d.ts'));
const imports = new Map(files.map((file) => [file, importsOf(file)]));

function importsOf(file: string): string[] {
  const text = readFileSync(join(src, file), 'utf8');
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.{1,2}\/[^']+)'/g)]
    .map(([, path = '']) => join(dirname(file), path))
    .map((path) => (files.includes(path) ? path : path.replace(/\.js$/, '.ts')))
    .filter((path) => files.includes(path));
}

function roomOf(file: string): string {
  return file.split('/')[0] ?? file;
}

function floorOf(file: string): number {
  return FLOORS.findIndex((rooms) => rooms.includes(roomOf(file)));
}

test('every file has its place in the house', () => {
  expect(files.length).toBeGreaterThan(100);
  expect(files.filter((file) => floorOf(file) < 0 && !APART.includes(roomOf(file)))).toEqual([]);
});

test('imports go down, never up', () => {
  const wrong: string[] = [];
  for (const [file, targets] of imports) {
    for (const target of targets) {
      if (roomOf(file) === roomOf(target) || target === SHARED) continue;
      const inProgram = ['cli', 'demo'].includes(roomOf(file)) && roomOf(target) !== 'client';
      const isDown = floorOf(target) > floorOf(file) && !APART.includes(roomOf(file));
      if (!inProgram && !isDown) wrong.push(`${file} → ${target}`);
    }
  }
  expect(wrong).toEqual([]);
});

test('nothing that runs in the ledger object knows the configuration', () => {
  const reached = new Set<string>();
  const follow = (file: string) => {
    if (reached.has(file)) return;
    reached.add(file);
    for (const target of imports.get(file) ?? []) follow(target);
  };
  for (const file of files.filter((each) => roomOf(each) === 'ledger')) follow(file);
  expect([...reached].filter((file) => ['config.ts', 'settings.ts', 'gateway.ts'].includes(file))).toEqual(
    [],
  );
});

test('no files import one another in a circle', () => {
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (file: string, path: readonly string[]) => {
    const at = path.indexOf(file);
    if (at >= 0) circles.push([...path.slice(at), file].join(' → '));
    if (at >= 0 || done.has(file)) return;
    for (const target of imports.get(file) ?? []) visit(target, [...path, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
  expect(circles).toEqual([]);
});

test('no file has more than 300 lines', () => {
  const lines = (file: string) => readFileSync(join(src, file), 'utf8').split('\n').length - 1;
  expect(files.filter((file) => lines(file) > 300)).toEqual([]);
});
