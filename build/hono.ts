/**
 * Builds dist/hono, `oncegate/hono`: bundled but for Hono, which is the app's, and in as many files as there
 * are parts that an app may leave out; and the types of it and of `oncegate/worker`.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { root } from './bundled.ts';

const out = join(root, 'dist/hono');
rmSync(out, { recursive: true, force: true });

const { metafile } = await build({
  absWorkingDir: root,
  // Each part is an entry of its own, so that no file holds code of two of them.
  entryPoints: ['index', 'idempotency', 'ledger', 'operator', 'results'].map((part) => `src/hono/${part}.ts`),
  outdir: 'dist/hono',
  bundle: true,
  splitting: true,
  format: 'esm',
  target: 'es2024',
  external: ['hono', 'hono/*', 'cloudflare:*'],
  jsx: 'automatic',
  jsxImportSource: 'hono/jsx',
  metafile: true,
});
writeFileSync(join(out, 'bundle-meta.json'), JSON.stringify(metafile));

/** What is public, and imports nothing that is not. */
const TYPES = {
  'hono/index': 'hono/index',
  'hono/idempotency': 'hono/idempotency',
  'hono/ledger': 'hono/ledger',
  'hono/operator': 'hono/operator',
  'hono/options': 'hono/options',
  'hono/results': 'hono/results',
  worker: 'worker/index',
};

const types = mkdtempSync(join(tmpdir(), 'oncegate-types-'));
try {
  execFileSync('tsc', ['-p', 'build/tsconfig.types.json', '--outDir', types], {
    cwd: root,
    stdio: 'inherit',
  });
  for (const [from, to] of Object.entries(TYPES)) {
    const text = readFileSync(join(types, 'src', `${from}.d.ts`), 'utf8');
    mkdirSync(join(root, 'dist', to, '..'), { recursive: true });
    writeFileSync(join(root, 'dist', `${to}.d.ts`), published(text, from === 'worker' ? '../' : './'));
  }
} finally {
  rmSync(types, { recursive: true, force: true });
}

/** With the names that files have when they are built. */
function published(text: string, folder: './' | '../'): string {
  return text.replace(/from '\.\/(.+)\.ts'/g, `from '${folder}$1.js'`);
}
