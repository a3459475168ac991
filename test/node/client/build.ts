import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Vitest runs this once, before all tests: some of them use the library as it is published. */
export default function build(): void {
  execFileSync('npm', ['run', '--silent', 'build:client'], { cwd: root, stdio: 'inherit' });
}

export const root = fileURLToPath(new URL('../../..', import.meta.url));
