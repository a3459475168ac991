/**
 * Runs the bundled gateway on workerd itself, in a process group of its own, so that a test can kill it. KV
 * is where `kvUrl` says: a process of the test's. The first argument is JSON, see {@link GatewayOptions}. It
 * prints its URL when it is ready.
 */
import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { configuration, urlOf, workerdPath } from '../../../bench/workerd.ts';
import { bundles, SUBJECT } from './bundle.ts';
import type { GatewayOptions } from './gateway.ts';

const options: GatewayOptions = JSON.parse(process.argv[2] ?? '{}');
const { kvUrl = '', vars, faulty, port = 0, storage = mkdtempSync(`${tmpdir()}/oncegate-`) } = options;
const script = bundles[faulty === true ? (`faulty-${SUBJECT}` as const) : SUBJECT];
mkdirSync(`${storage}/objects`, { recursive: true });
copyFileSync(script, `${storage}/worker.js`);
const objects = { binding: 'LEDGER', className: 'Ledger' };
const config = configuration({ kvUrl, vars, objects, storage: `${storage}/objects`, port });
writeFileSync(`${storage}/config.capnp`, config);

const args = ['serve', `${storage}/config.capnp`, '--control-fd=3'];
if (options.inspected === true) args.push('--inspector-addr=127.0.0.1:0');
const child = spawn(workerdPath(), args, {
  stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
});
const control = child.stdio[3];
if (control instanceof Object && 'on' in control) {
  createInterface(control as NodeJS.ReadableStream).on('line', (line) => {
    const inspector = /^\{"event":"listen-inspector","port":(\d+)/.exec(line)?.[1];
    if (inspector !== undefined) process.stdout.write(`inspector 127.0.0.1:${inspector}\n`);
    const url = urlOf(line);
    if (url !== undefined) process.stdout.write(`ready ${url}\n`);
  });
}
child.once('exit', (code) => process.exit(code ?? 1));
process.once('SIGTERM', () => {
  child.removeAllListeners('exit');
  child.once('exit', () => process.exit(0));
  child.kill('SIGKILL');
});
