import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { files, imports, root, written } from './sources.ts';

/**
 * The house from the roof down, as ARCHITECTURE.md has it. Who is on a line may import from those below it,
 * and from itself.
 */
const FLOORS = floorsOf(readFileSync(`${root}ARCHITECTURE.md`, 'utf8'));

/** These go out as programs and a library of their own. The client imports nothing of the rest. */
const APART = ['cli', 'client', 'demo'];

/** The one thing that gateway and client have in common. */
const SHARED = 'client/credential-fields.ts';

/** Of each point of the list, the names before its colon. */
function floorsOf(page: string): string[][] {
  const [, list = ''] = page.split('## Who may import whom');
  return [...list.matchAll(/^\d+\. ([^:]+):/gm)].map(([, names = '']) =>
    [...names.matchAll(/`([^`]+?)\/?`/g)].map(([, name = '']) => name),
  );
}

function roomOf(file: string): string {
  return file.split('/')[0] ?? file;
}

function floorOf(file: string): number {
  return FLOORS.findIndex((rooms) => rooms.includes(roomOf(file)));
}

test('every file has its place on one floor of ARCHITECTURE.md, and every floor is there', () => {
  expect(files.length).toBeGreaterThan(100);
  const rooms = FLOORS.flat();
  expect(rooms.toSorted()).toEqual(
    [...new Set(files.map(roomOf))].filter((room) => !APART.includes(room)).toSorted(),
  );
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
  const all = written();
  expect(all).toEqual(expect.arrayContaining(['src/index.ts', 'bench/day.ts', 'vitest.config.ts']));
  const lines = (file: string) => readFileSync(`${root}${file}`, 'utf8').split('\n').length - 1;
  expect(all.filter((file) => lines(file) > 300)).toEqual([]);
});
