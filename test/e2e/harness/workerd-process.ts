/**
 * Runs the bundled gateway on workerd itself, in a process group of its own, so that a test can kill it. KV is where
 * `kvUrl` says: a process of the test's. The first argument is JSON, see {@link GatewayOptions}. It prints its URL when it is
 * ready.
 */
import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { bundles } from './bundle.ts';
import type { GatewayOptions } from './gateway.ts';

const options: GatewayOptions = JSON.parse(process.argv[2] ?? '{}');
const { kvUrl = '', vars, faulty, port = 0, storage = mkdtempSync(`${tmpdir()}/oncegate-`) } = options;
const script = faulty === true ? `${bundles.faulty}/faulty-gateway.js` : `${bundles.gateway}/index.js`;
mkdirSync(`${storage}/objects`, { recursive: true });
copyFileSync(script, `${storage}/worker.js`);
writeFileSync(`${storage}/config.capnp`, configuration());

const require = createRequire(import.meta.url);
const { default: workerd }: { default: string } = require('workerd');
const child = spawn(workerd, ['serve', `${storage}/config.capnp`, '--control-fd=3'], {
  stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
});
const control = child.stdio[3];
if (control instanceof Object && 'on' in control) {
  createInterface(control as NodeJS.ReadableStream).on('line', (line) => {
    const {
      event,
      socket,
      port: listens,
    }: { event: string; socket?: string; port?: number } = JSON.parse(line);
    if (event === 'listen' && socket === 'http') process.stdout.write(`ready http://127.0.0.1:${listens}\n`);
  });
}
child.once('exit', (code) => process.exit(code ?? 1));
process.once('SIGTERM', () => {
  child.removeAllListeners('exit');
  child.once('exit', () => process.exit(0));
  child.kill('SIGKILL');
});

function configuration(): string {
  const text = (value: unknown) => JSON.stringify(value);
  const bindings = [
    '(name = "RESULTS", kvNamespace = "kv")',
    '(name = "LEDGER", durableObjectNamespace = "Ledger")',
    ...Object.entries(vars).map(([name, value]) =>
      typeof value === 'string'
        ? `(name = ${text(name)}, text = ${text(value)})`
        : `(name = ${text(name)}, json = ${text(text(value))})`,
    ),
  ];
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .main),
    (name = "internet", network = (allow = ["public", "private"])),
    (name = "kv", external = (address = ${text(new URL(kvUrl).host)}, http = ())),
    (name = "storage", disk = (path = ${text(`${storage}/objects`)}, writable = true)),
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
);
const main :Workerd.Worker = (
  modules = [(name = "worker.js", esModule = embed "worker.js")],
  compatibilityDate = "2026-11-01",
  bindings = [${bindings.join(', ')}],
  durableObjectNamespaces = [(className = "Ledger", uniqueKey = "oncegate", enableSql = true)],
  durableObjectStorage = (localDisk = "storage"),
);
`;
}
