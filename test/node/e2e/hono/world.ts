/**
 * What the tests of `oncegate/hono` have in common: an app of the folder beside in a runtime of its own, as a
 * Worker.
 */
import { randomUUID } from 'node:crypto';
import { build, type Plugin } from 'esbuild';
import { Log, LogLevel, Miniflare } from 'miniflare';

const { dirname: here } = import.meta;

export interface RunningApp extends AsyncDisposable {
  readonly url: string;
  /** What the runtime printed. */
  readonly output: readonly string[];
}

export interface AppOptions {
  readonly compatibilityDate?: string;
  /** In place of the usual bindings, `LEDGER` and `RESULTS`. */
  readonly env?: Record<string, object>;
  /** In place of the usual export, `Ledger` with SQLite. */
  readonly exports?: Record<string, object>;
  /** More Workers beside it. */
  readonly workers?: readonly OtherWorker[];
  /** A Worker before it, which gets all requests. */
  readonly front?: Omit<OtherWorker, 'name'>;
}

interface OtherWorker {
  readonly name: string;
  readonly script: string;
  readonly env: object;
  readonly exports?: object;
}

export const LEDGER = { type: 'durable-object', worker: 'app', exportName: 'Ledger' };
export const RESULTS = { type: 'kv', id: 'results' };

/** A folder in which another version of Hono is installed, see range.ts. */
const { HONO_AT } = process.env;

function withHonoAt(resolveDir: string): Plugin {
  return {
    name: 'hono-at',
    setup(bundler) {
      bundler.onResolve({ filter: /^hono(\/|$)/ }, ({ path, kind, pluginData }) =>
        pluginData === 'hono-at' ? null : bundler.resolve(path, { kind, resolveDir, pluginData: 'hono-at' }),
      );
    },
  };
}

/** Bundles an app as wrangler would, with `oncegate/hono` as it is in src, and runs it. */
export async function startApp(file: string, options: AppOptions = {}): Promise<RunningApp> {
  const { outputFiles } = await build({
    entryPoints: [`${here}/../../../apps/hono/${file}`],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2024',
    conditions: ['workerd', 'worker', 'browser'],
    external: ['cloudflare:*', 'node:*'],
    alias: { 'oncegate/hono': `${here}/../../../../src/hono/index.ts` },
    plugins: HONO_AT === undefined ? [] : [withHonoAt(HONO_AT)],
    jsx: 'automatic',
    jsxImportSource: 'hono/jsx',
  });
  const output: string[] = [];
  const { env = { LEDGER, RESULTS }, exports = { Ledger: { type: 'durable-object', storage: 'sqlite' } } } =
    options;
  const worker = (name: string, contents: string, more: object) => ({
    config: {
      name,
      compatibilityDate: options.compatibilityDate ?? '2026-11-01',
      manifest: {
        mainModule: 'worker.js',
        modules: { 'worker.js': { type: 'esm' as const, contents } },
      },
      ...more,
    },
    dev: { rootPath: here },
  });
  const front = options.front === undefined ? [] : [{ name: 'front', ...options.front }];
  const others = [...front, ...(options.workers ?? [])].map(({ name, script, ...more }) =>
    worker(name, script, more),
  );
  const miniflare = new Miniflare({
    host: '127.0.0.1',
    port: 0,
    log: new Log(LogLevel.NONE),
    handleStructuredLogs: ({ message }: { message: string }) => output.push(message),
    workers: [
      ...others.slice(0, options.front === undefined ? 0 : 1),
      worker('app', outputFiles[0]?.text ?? '', { env, exports }),
      ...others.slice(options.front === undefined ? 0 : 1),
    ],
  } as ConstructorParameters<typeof Miniflare>[0]);
  const { origin } = await miniflare.ready;
  return { url: origin, output, [Symbol.asyncDispose]: () => miniflare.dispose() };
}

export function freshKey(): string {
  return randomUUID();
}

/** Sends a keyed POST. */
export function post(url: string, key: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  headers.set('accept-encoding', 'identity');
  headers.set('idempotency-key', key);
  return fetch(url, { method: 'POST', redirect: 'manual', ...init, headers });
}
