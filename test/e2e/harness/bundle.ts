import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** The gateway as `wrangler deploy` would upload it. Made once for all end-to-end tests. */
export const bundleDirectory = `${root}.wrangler/e2e`;

export default function setup(): void {
  execFileSync('wrangler', ['deploy', '--dry-run', '--outdir', bundleDirectory], { cwd: root, stdio: 'pipe' });
}
