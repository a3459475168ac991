import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import bundle from '../harness/bundle.ts';

export const root = fileURLToPath(new URL('../../..', import.meta.url));

/** The command line as it is published, beside the Worker and the notices. */
export const CLI = `${root}/dist/cli/oncegate.js`;

/** Vitest runs this once, before all tests. */
export default function build(): void {
  bundle();
  execFileSync('node', ['build/run.ts', 'cli', 'worker', 'hono', 'notices'], { cwd: root, stdio: 'pipe' });
}
