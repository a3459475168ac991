import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Vitest runs this once, before all tests: some of them use the library as it is published. */
export default function build(): void {
  execFileSync('node', ['build/run.ts', 'client'], { cwd: root, stdio: 'inherit' });
}

export const root = fileURLToPath(new URL('../../..', import.meta.url));
