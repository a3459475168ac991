import { cloudflareTest } from '@cloudflare/vitest-plugin';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    silent: 'passed-only',
    // Most of what tests do is to wait for something. On a small machine the default is one worker.
    maxWorkers: 3,
    projects: [
      {
        plugins: [
          cloudflareTest({
            wrangler: { configPath: './wrangler.toml' },
            miniflare: {
              bindings: {
                LEDGER_SHARDS: '1',
                ADMIN_TOKEN: 'the-admin-token-of-the-tests',
                HOT_SECONDS: '300',
                ROUTES: [
                  { path: '/refuse/*', service: 'ORIGIN', unknownOutcome: 'refuse' },
                  { path: '/judged/*', service: 'ORIGIN', failedWhen: 'sse-error,no-end-mark,json-error' },
                  { path: '/alone/*', service: 'ORIGIN', stripPrefix: '/alone', resultsFromBytes: 100_000 },
                  {
                    path: '/limited/*',
                    service: 'ORIGIN',
                    stripPrefix: '/limited',
                    maxStoredBytesPerCaller: 400_000,
                  },
                  { path: '/*', service: 'ORIGIN' },
                ],
              },
              serviceBindings: { ORIGIN: 'origin' },
              workers: [
                {
                  name: 'origin',
                  modules: true,
                  scriptPath: './test/workers/ledger/origin.js',
                  compatibilityDate: '2026-11-01',
                },
              ],
            },
          }),
        ],
        test: {
          name: 'workers',
          testTimeout: 60_000,
          hookTimeout: 60_000,
          include: ['test/workers/**/*.test.ts'],
        },
      },
      {
        plugins: [
          cloudflareTest({
            main: './test/hostile/worker.ts',
            miniflare: {
              compatibilityDate: '2026-11-01',
              compatibilityFlags: ['nodejs_als'],
              durableObjects: { INSTANCES: { className: 'Instance', useSQLite: true } },
              bindings: {
                HOSTILE_SEED: process.env.HOSTILE_SEED ?? '1',
                HOSTILE_WORLDS: process.env.HOSTILE_WORLDS ?? '1',
              },
            },
          }),
        ],
        test: { name: 'hostile', include: ['test/hostile/**/*.test.ts'], maxConcurrency: 16 },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/node/{e2e,chaos,fuzz}/**/*.test.ts'],
          globalSetup: 'test/node/harness/bundle.ts',
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        // The same, of an app with the middleware.
        test: {
          name: 'app',
          include: [
            'test/node/e2e/{asynchronous,cancel,client,failed-when,large-bodies,memory,outage,replay,sdk,sealed,stream}.test.ts',
          ],
          env: { E2E_SUBJECT: 'app' },
          globalSetup: 'test/node/harness/bundle.ts',
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'browser',
          include: ['test/browser/**/*.test.ts'],
          globalSetup: 'test/browser/setup.ts',
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'client',
          include: ['test/node/client/**/*.test.ts'],
          pool: 'forks',
          globalSetup: 'test/node/client/build.ts',
          // Packing, bundling and browsers share two cores with whatever else runs.
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'cli',
          include: ['test/node/{cli,house}/**/*.test.ts'],
          globalSetup: 'test/node/cli/build.ts',
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
