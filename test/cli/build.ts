import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import bundle from '../e2e/harness/bundle.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The command line as it is published. */
export const CLI = `${root}/dist/cli/oncegate.js`;

/** Vitest runs this once, before all tests. */
export default function build(): void {
  bundle();
  execFileSync('npm', ['run', '--silent', 'build:cli'], { cwd: root, stdio: 'pipe' });
}
