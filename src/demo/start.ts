/**
 * @module `npm start`: the gateway in front of the demo API, with the operator's console. Takes the options
 * of `wrangler dev`; of these, `--port N` is looked at here. Runs in: Node.
 *
 * A port that is taken ends it in one line. What the ledger remembers is kept for each port apart, so that
 * two of these never open the same files.
 */

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const HOST = 'localhost';
const PORT = 8787;
const PORT_MAX = 65_535;
const ASK_EVERY_MS = 250;
/** 24 characters: longer than the least that ADMIN_TOKEN takes. */
const TOKEN_BYTES = 18;

const options = process.argv.slice(2);
const given = parseArgs({ args: options, options: { port: { type: 'string' } }, strict: false }).values.port;
const port = Number(given ?? PORT);
if (!Number.isInteger(port) || port < 1 || port > PORT_MAX) stop(`${given} is not a port.`);
if (!(await isFree(port))) {
  stop(
    `Port ${port} is taken, perhaps by another npm start. Stop what has it, or take another: npm start -- --port ${port === PORT_MAX ? PORT : port + 1}`,
  );
}

const url = `http://${HOST}:${port}`;
// For this run only, so that nobody comes to rely on a token that everybody knows.
const token = randomBytes(TOKEN_BYTES).toString('base64url');
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const wrangler = spawn(
  process.execPath,
  [
    here('../../node_modules/wrangler/bin/wrangler.js'),
    ...['dev', '-c', here('gateway.toml'), '-c', here('upstream.toml')],
    ...['--persist-to', here(`../../.wrangler/demo/${port}`)],
    ...['--inspector-port', '0', '--var', `ADMIN_TOKEN:${token}`],
    ...(given === undefined ? ['--port', String(port)] : []),
    ...options,
  ],
  { stdio: 'inherit' },
);
const running = new AbortController();
// The terminal sends Ctrl-C to both, and this one waits for the other.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => wrangler.kill('SIGTERM'));
const ended = once(wrangler, 'exit').finally(() => running.abort());
if (await isUp(running.signal)) {
  console.log(`
  Gateway   ${url}   in front of a demo API
  Console   ${url}/_oncegate/   token for this run: ${token}
`);
}
const [code] = await ended;
process.exitCode = typeof code === 'number' ? code : 1;

function stop(why: string): never {
  console.error(why);
  process.exit(1);
}

/** Whether nobody listens on a port, at any of the addresses that the name of this machine has. */
async function isFree(port: number): Promise<boolean> {
  for (const address of ['127.0.0.1', '::1']) {
    const server = createServer();
    const taken = await new Promise<boolean>((resolve) => {
      // A machine without IPv6 has nobody listening there either.
      server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'EADDRINUSE'));
      server.listen({ port, host: address, exclusive: true }, () => resolve(false));
    });
    if (server.listening) await new Promise((resolve) => server.close(resolve));
    if (taken) return false;
  }
  return true;
}

/** Waits until the gateway answers that has this run's token; false where it ends before. */
async function isUp(signal: AbortSignal): Promise<boolean> {
  while (!signal.aborted) {
    const answer = await fetch(`${url}/_oncegate/openapi.json`, {
      headers: { authorization: `Bearer ${token}` },
      signal,
    }).catch(() => null);
    await answer?.body?.cancel();
    if (answer?.ok) return true;
    await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
  }
  return false;
}
