import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from './build.ts';

const text = readFileSync(join(root, 'docs/client.md'), 'utf8');
const examples = [...text.matchAll(/^```ts\n(.*?)^```/gms)].flatMap(([, code]) => code ?? []);

test('every example in the documentation compiles as it stands', () => {
  const directory = mkdtempSync(join(tmpdir(), 'docs-'));
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));
  const files = examples.map((code, index) => {
    writeFileSync(join(directory, `example-${index}.ts`), code);
    return `example-${index}.ts`;
  });
  const compilerOptions = {
    target: 'ES2022',
    module: 'ESNext',
    moduleResolution: 'bundler',
    lib: ['ES2024', 'DOM', 'DOM.Iterable'],
    types: ['node'],
    strict: true,
    skipLibCheck: true,
    noEmit: true,
    paths: {
      'oncegate/client': [join(root, 'dist/client/index.d.ts')],
      'oncegate/client/sqlite': [join(root, 'dist/client/sqlite.d.ts')],
    },
  };
  writeFileSync(join(directory, 'package.json'), '{"type":"module"}');
  writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }));
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const { stdout, status } = spawnSync(process.execPath, [tsc, '-p', directory], { encoding: 'utf8' });
  rmSync(directory, { recursive: true });
  expect([stdout, status]).toEqual(['', 0]);
  expect(files.length).toBeGreaterThan(8);
});

test('every link within the documentation has a place to go', () => {
  const anchors = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  );
  const links = [...text.matchAll(/\]\(#([\w-]+)\)/g)].map(([, anchor]) => anchor);
  expect(links.filter((link) => !anchors.includes(link ?? ''))).toEqual([]);
});
