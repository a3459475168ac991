import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** The gateway as `wrangler deploy` would upload it, and the same with faults to order. */
export const bundles = {
  gateway: `${root}.wrangler/e2e/gateway`,
  faulty: `${root}.wrangler/e2e/faulty`,
} as const;

/** Makes the bundles, once for all end-to-end tests. */
export default function setup(): void {
  bundle('src/index.ts', bundles.gateway);
  bundle('test/e2e/harness/faulty-gateway.ts', bundles.faulty);
}

function bundle(entry: string, directory: string): void {
  execFileSync('wrangler', ['deploy', entry, '--dry-run', '--outdir', directory], {
    cwd: root,
    stdio: 'pipe',
  });
}
