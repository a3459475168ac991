/**
 * Runs the bundled gateway on Miniflare in a process of its own, so that a test can kill it. The first
 * argument is JSON: the bindings, where storage lives, and the service bindings' scripts. It prints its URL
 * when it is ready.
 */
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { Miniflare } from 'miniflare';
import { bundles, SUBJECT } from './bundle.ts';
import type { GatewayOptions } from './gateway.ts';

const options: GatewayOptions = JSON.parse(process.argv[2] ?? '{}');
const script = bundles[options.faulty === true ? (`faulty-${SUBJECT}` as const) : SUBJECT];
const directory = dirname(script);

const esm = (contents: string) => ({
  mainModule: 'worker.js',
  modules: { 'worker.js': { type: 'esm' as const, contents } },
});

const miniflare = new Miniflare({
  host: '127.0.0.1',
  port: options.port ?? 0,
  ...(options.inspected === true ? { inspectorPort: 0 } : {}),
  ...(options.storage === undefined ? {} : { resourcePersistencePath: options.storage }),
  workers: [
    {
      config: {
        name: 'oncegate',
        compatibilityDate: '2026-11-01',
        manifest: esm(readFileSync(script, 'utf8')),
        env: {
          LEDGER: { type: 'durable-object', worker: 'oncegate', exportName: 'Ledger' },
          RESULTS: { type: 'kv', id: 'results' },
          ...(options.requestsPerMinute === undefined
            ? {}
            : {
                RATE_LIMITER: {
                  type: 'rate-limit' as const,
                  namespace: '1',
                  simple: { limit: options.requestsPerMinute, period: 60 as const },
                },
              }),
          ...Object.fromEntries(
            Object.entries(options.vars).map(([name, value]) => [
              name,
              typeof value === 'string' ? { type: 'text' as const, value } : { type: 'json' as const, value },
            ]),
          ),
          ...Object.fromEntries(
            Object.keys(options.services ?? {}).map((name) => [
              name,
              { type: 'worker' as const, worker: name.toLowerCase() },
            ]),
          ),
        },
        exports: { Ledger: { type: 'durable-object', storage: 'sqlite' } },
      },
      dev: { rootPath: directory },
    },
    ...Object.entries(options.services ?? {}).map(([name, script]) => ({
      config: { name: name.toLowerCase(), compatibilityDate: '2026-11-01', manifest: esm(script), env: {} },
      dev: { rootPath: directory },
    })),
  ],
});

const { origin } = await miniflare.ready;
if (options.inspected === true) {
  const { host } = await miniflare.getInspectorURL();
  process.stdout.write(`inspector ${host}\n`);
}
process.stdout.write(`ready ${origin}\n`);
process.on('SIGTERM', async () => {
  await miniflare.dispose();
  process.exit(0);
});
