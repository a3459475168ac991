import { execFileSync } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/**
 * What the tests are about: the gateway, or an app with the middleware that does as much. The project of the
 * tests says which.
 */
export const SUBJECT = process.env.E2E_SUBJECT === 'app' ? 'app' : 'gateway';

/** Each subject as `wrangler deploy` would upload it, and the same with faults to order. */
export const bundles = {
  gateway: `${root}.wrangler/e2e/gateway/index.js`,
  'faulty-gateway': `${root}.wrangler/e2e/faulty/faulty-gateway.js`,
  app: `${root}.wrangler/e2e/app/app.js`,
  'faulty-app': `${root}.wrangler/e2e/faulty-app/faulty-app.js`,
} as const;

/** Makes the bundles, once for all end-to-end tests. */
export default function setup(): void {
  bundle('src/index.ts', bundles.gateway);
  for (const name of ['faulty-gateway', 'app', 'faulty-app'] as const) {
    bundle(`test/apps/${name}.ts`, bundles[name]);
  }
}

function bundle(entry: string, file: string): void {
  execFileSync('wrangler', ['deploy', entry, '--dry-run', '--outdir', dirname(file)], {
    cwd: root,
    stdio: 'pipe',
  });
}
