import { existsSync, globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const read = (path: string) => readFileSync(`${root}/${path}`, 'utf8');

const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
const tests = globSync('test/**/*.test.ts', { cwd: root });
const pages = globSync(['*.md', 'docs/**/*.md', 'bench/report/*.md', '.ci/run', '.github/**/*'], {
  cwd: root,
}).filter((path) => /\.(md|yml)$|run$/.test(path));

function named(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([, name = '']) => name);
}

describe('what a page tells people to run is there', () => {
  test.each(pages)('%s', (page) => {
    const text = read(page);
    const missing = [
      ...named(text, /\bnpm run (?:--silent )?([\w:-]+)/g).filter((name) => !(name in scripts)),
      ...named(text, /\bnpx node ([\w/.-]+)/g).filter((path) => !existsSync(`${root}/${path}`)),
      ...named(text, /\bnpx vitest run (?:--project \w+ )?([\w/.-]+)/g).filter(
        (part) => part !== '--project' && !tests.some((path) => path.includes(part)),
      ),
      ...named(text, /`([\w/.-]+\.test\.ts)`/g).filter(
        (name) => !tests.some((path) => `/${path}`.endsWith(`/${name}`)),
      ),
    ];
    expect(missing).toEqual([]);
  });
});

test('npm run fits on one screen', () => {
  expect(Object.keys(scripts).length).toBeLessThanOrEqual(10);
});
