import { execFileSync, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { root } from './build.ts';
import { ok, serve, status, steps } from './server.ts';

let project: string;

beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), 'consumer-'));
  const npm = (...args: string[]) => execFileSync('npm', args, { cwd: project, encoding: 'utf8' });
  // The tests build once for all of them; prepack would build under the others' feet.
  const [packed] = JSON.parse(npm('pack', root, '--json', '--ignore-scripts')) as { filename: string }[];
  writeFileSync(join(project, 'package.json'), JSON.stringify({ type: 'module', private: true }));
  npm('install', '--offline', '--no-audit', '--no-fund', `./${packed?.filename}`);
  for (const file of ['main.ts', 'sqlite.ts']) {
    copyFileSync(join(root, 'test/node/client/consumer', file), join(project, file));
  }
});

afterAll(() => {
  rmSync(project, { recursive: true, force: true });
});

test('an install brings this package and no other', () => {
  expect(readdirSync(join(project, 'node_modules')).filter((name) => !name.startsWith('.'))).toEqual([
    'oncegate',
  ]);
});

test('the package holds the built library and nothing to build it from', () => {
  const files = readdirSync(join(project, 'node_modules/oncegate'), { recursive: true, encoding: 'utf8' });
  expect(files).toContain('dist/client/index.js');
  const built = /^dist(\/(client|cli|hono|worker)(\/[\w-]+\.(js|d\.ts))?|\/THIRD-PARTY-NOTICES\.txt)?$/;
  const told = /^(package\.json|LICENSE|[A-Z]+\.md|(docs|examples)(\/.*)?)$/;
  expect(files.filter((file) => !built.test(file) && !told.test(file))).toEqual([]);
});

describe('its types are right for a strict project', () => {
  const standard = { lib: ['ES2022', 'DOM', 'DOM.Iterable'], types: [] };
  const node = { lib: ['ES2024'], types: ['node'] };
  const workers = { lib: ['ES2024'], types: ['@cloudflare/workers-types'] };

  test.each([
    ['main.ts', 'nodenext', 'a browser', standard],
    ['main.ts', 'bundler', 'a browser', standard],
    ['main.ts', 'nodenext', 'Node', node],
    ['main.ts', 'bundler', 'Workers', workers],
    ['sqlite.ts', 'nodenext', 'Node', node],
    ['sqlite.ts', 'bundler', 'Node', node],
  ])('%s with moduleResolution %s, for %s', (file, moduleResolution, where, environment) => {
    const directory = mkdtempSync(join(project, 'types-'));
    mkdirSync(join(directory, 'node_modules/@types'), { recursive: true });
    mkdirSync(join(directory, 'node_modules/@cloudflare'));
    for (const name of where === 'Node' ? ['@types/node', 'undici-types'] : ['@cloudflare/workers-types']) {
      symlinkSync(join(root, 'node_modules', name), join(directory, 'node_modules', name));
    }
    copyFileSync(join(project, file), join(directory, file));
    writeFileSync(join(directory, 'package.json'), JSON.stringify({ type: 'module' }));
    const compilerOptions = {
      ...environment,
      target: 'ES2022',
      module: moduleResolution === 'bundler' ? 'ESNext' : 'NodeNext',
      moduleResolution,
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      skipLibCheck: false,
      noEmit: true,
      ...(where === 'Workers' && { skipLibCheck: true }),
    };
    writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: [file] }));
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    const { stdout, status: code } = spawnSync(process.execPath, [tsc, '-p', directory], {
      encoding: 'utf8',
    });
    expect(stdout).toBe('');
    expect(code).toBe(0);
  });
});

test('it runs in Node', async () => {
  await using server = await serve(steps(status(503), ok));
  const script = `
    import { deterministicKey, idempotentFetch } from 'oncegate/client';
    import { SqliteStore } from 'oncegate/client/sqlite';
    const store = new SqliteStore(':memory:');
    const fetchOnce = idempotentFetch({ baseDelayMs: 1, store });
    const init = { method: 'POST', headers: { 'idempotency-key': await deterministicKey('a') } };
    const texts = [];
    for (let call = 0; call < 2; call += 1) texts.push(await (await fetchOnce('${server.url}', init)).text());
    console.log(JSON.stringify(texts));`;
  writeFileSync(join(project, 'run.js'), script);
  const { stdout } = await runNode([join(project, 'run.js')]);
  expect(JSON.parse(stdout)).toEqual(['done', 'done']);
  expect(server.requests).toHaveLength(2);
});

test('it bundles for a browser: no import is left, and the part not used is not in it', async () => {
  const bundle = async (code: string) => {
    const { outputFiles } = await build({
      stdin: { contents: code, resolveDir: project },
      bundle: true,
      write: false,
      minify: true,
      format: 'esm',
      platform: 'browser',
    });
    return outputFiles[0]?.text ?? '';
  };
  const all = await bundle(`export * from 'oncegate/client';`);
  expect(all).not.toMatch(/\bimport\b|\brequire\b|node:|process\./);
  const part = await bundle(`export { randomKey } from 'oncegate/client';`);
  expect(part.length).toBeLessThan(400);
});

async function runNode(args: string[]): Promise<{ stdout: string }> {
  const { execFile } = await import('node:child_process');
  const { promisify } = await import('node:util');
  return promisify(execFile)(process.execPath, ['--no-warnings', ...args], { encoding: 'utf8' });
}
