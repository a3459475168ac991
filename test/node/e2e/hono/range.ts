/**
 * Runs what is tested of `oncegate/hono`, as it is and as it is packed, with the lowest version of Hono that
 * package.json says it works with, and with the newest one. It takes them from the registry: the lowest has
 * faults of its own by now, so it is no dependency.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const { dirname: here } = import.meta;
const root = join(here, '../../../..');
const TESTS = [
  ['e2e', 'test/node/e2e/hono'],
  ['cli', 'test/node/cli/hono-package.test.ts'],
] as const;

const { peerDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const lowest = String(peerDependencies.hono).replace('^', '');

for (const wanted of [lowest, `^${lowest}`]) {
  const directory = mkdtempSync(join(tmpdir(), 'oncegate-hono-'));
  try {
    writeFileSync(join(directory, 'package.json'), '{}');
    execFileSync('npm', ['install', '--no-audit', '--no-fund', `hono@${wanted}`], { cwd: directory });
    const { version } = JSON.parse(readFileSync(join(directory, 'node_modules/hono/package.json'), 'utf8'));
    process.stdout.write(`\nHono ${version}\n`);
    for (const [project, path] of TESTS) {
      const { status } = spawnSync('vitest', ['run', '--project', project, path], {
        cwd: root,
        stdio: 'inherit',
        env: { ...process.env, HONO_AT: directory },
      });
      if (status !== 0) process.exitCode = 1;
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
