import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { buildSync } from 'esbuild';
import { type Running, start } from './processes/child.ts';

export interface WorkerOptions {
  readonly entry: URL;
  /** A folder of this Worker's own: its bundle, its configuration and its storage. */
  readonly folder: string;
  /** The Durable Object class and the name of its binding, if there is one. */
  readonly objects?: { readonly binding: string; readonly className: string };
  readonly kvUrl: string;
  readonly vars: Readonly<Record<string, string>>;
  /** Where a profiler can attach. */
  readonly inspector?: string;
}

/**
 * Runs a Worker on workerd itself, with nothing in front of it: a production runtime with local storage. KV
 * is a process of its own.
 */
export function startWorker(options: WorkerOptions): Promise<Running> {
  const { folder, inspector } = options;
  mkdirSync(`${folder}/storage`, { recursive: true });
  buildSync({
    entryPoints: [options.entry.pathname],
    outfile: `${folder}/worker.js`,
    bundle: true,
    format: 'esm',
    target: 'es2024',
    conditions: ['workerd', 'worker', 'browser'],
    jsx: 'automatic',
    jsxImportSource: 'hono/jsx',
    external: ['cloudflare:*'],
  });
  writeFileSync(`${folder}/config.capnp`, configuration({ ...options, storage: `${folder}/storage` }));
  const args = ['serve', `${folder}/config.capnp`, '--control-fd=3'];
  if (inspector !== undefined) args.push(`--inspector-addr=${inspector}`);
  return start(workerdPath(), args, urlOf, {}, 'ignore');
}

/** The native program; the one on the PATH is a script that starts it, and so a process more. */
export function workerdPath(): string {
  const require = createRequire(import.meta.url);
  const { default: path }: { default: string } = require('workerd');
  return path;
}

/** Where it listens, from a line that it writes to its control descriptor; `undefined` for other lines. */
export function urlOf(line: string): string | undefined {
  if (!line.startsWith('{"event":"listen"')) return undefined;
  const { socket, port }: { socket: string; port: number } = JSON.parse(line);
  return socket === 'http' ? `http://127.0.0.1:${port}` : undefined;
}

/** A Worker as workerd is told of it. Its script is `worker.js`, beside the configuration. */
export interface Configured {
  readonly kvUrl: string;
  readonly vars: Readonly<Record<string, unknown>>;
  readonly objects?: WorkerOptions['objects'];
  /** Where its objects are stored. */
  readonly storage: string;
  readonly port?: number;
}

/** The configuration of a Worker that has a port, KV and objects of its own, and nothing in front of it. */
export function configuration({ kvUrl, vars, objects, storage, port = 0 }: Configured): string {
  const text = (value: unknown) => JSON.stringify(value);
  const bindings = [
    '(name = "RESULTS", kvNamespace = "kv")',
    ...Object.entries(vars).map(([name, value]) =>
      typeof value === 'string'
        ? `(name = ${text(name)}, text = ${text(value)})`
        : `(name = ${text(name)}, json = ${text(text(value))})`,
    ),
    ...(objects === undefined
      ? []
      : [`(name = ${text(objects.binding)}, durableObjectNamespace = ${text(objects.className)})`]),
  ];
  const stored =
    objects === undefined
      ? ''
      : `durableObjectNamespaces = [(className = ${text(objects.className)}, uniqueKey = "oncegate", enableSql = true)],
         durableObjectStorage = (localDisk = "storage"),`;
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .main),
    (name = "internet", network = (allow = ["public", "private"])),
    (name = "kv", external = (address = ${text(new URL(kvUrl).host)}, http = ())),
    (name = "storage", disk = (path = ${text(storage)}, writable = true)),
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
);
const main :Workerd.Worker = (
  modules = [(name = "worker.js", esModule = embed "worker.js")],
  compatibilityDate = "2026-11-01",
  bindings = [${bindings.join(', ')}],
  ${stored}
);
`;
}
