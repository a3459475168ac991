/** The files of src and what each imports, and all that is written by hand. */
import { execFileSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../../', import.meta.url));

/** Their paths below src. */
export const files = globSync('**/*.{ts,tsx}', { cwd: `${root}src` }).filter(
  (file) => !file.endsWith('.d.ts'),
);

/** What is written by hand in the whole repository, committed or about to be: paths below its root. */
export function written(): string[] {
  const list = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  return execFileSync('git', list, { cwd: root, encoding: 'utf8' })
    .split('\0')
    .filter((file) => /\.(ts|tsx|js|mjs)$/.test(file) && existsSync(`${root}${file}`));
}

export function textOf(file: string): string {
  return readFileSync(`${root}src/${file}`, 'utf8');
}

/** What each file imports or exports of others, types included. */
export const imports = importsBy(/(?:from|import)\s*\(?\s*'(\.{1,2}\/[^']+)'/g);

/** The same without types, which are gone when the code runs. */
export const loads = importsBy(
  /^(?:import|export)(?! type\b)[^;'"]*?'(\.{1,2}\/[^']+)'|import\(\s*'(\.{1,2}\/[^']+)'/gm,
);

function importsBy(pattern: RegExp): ReadonlyMap<string, readonly string[]> {
  return new Map(
    files.map((file) => [
      file,
      [...textOf(file).matchAll(pattern)]
        .map(([, path, dynamic]) => join(dirname(file), path ?? dynamic ?? ''))
        .filter((path) => files.includes(path)),
    ]),
  );
}

/** All that is loaded with these files, without those behind `but`. */
export function loadedWith(entries: readonly string[], but: readonly string[] = []): Set<string> {
  const reached = new Set<string>();
  const follow = (file: string) => {
    if (reached.has(file) || but.includes(file)) return;
    reached.add(file);
    for (const target of loads.get(file) ?? []) follow(target);
  };
  for (const entry of entries) follow(entry);
  return reached;
}
