import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { freshKey, post } from '../harness/request.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const started = new Set<Demo>();
const ports: number[] = [];

afterAll(async () => {
  await Promise.all([...started].map((demo) => demo.stop()));
  for (const port of ports) await rm(`${root}.wrangler/demo/${port}`, { recursive: true, force: true });
});

interface Demo {
  readonly output: () => string;
  readonly ended: Promise<number | null>;
  stop(): Promise<void>;
}

/** What `npm start` runs, in a group of its own, so that all that it starts ends with it. */
function start(port: number): Demo {
  const child: ChildProcess = spawn(process.execPath, ['src/demo/start.ts', '--port', String(port)], {
    cwd: root,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const ended = once(child, 'exit').then(([code]): number | null => code);
  const demo: Demo = {
    output: () => output,
    ended,
    stop: async () => {
      started.delete(demo);
      if (child.exitCode !== null || child.signalCode !== null) return;
      process.kill(-(child.pid ?? 0), 'SIGTERM');
      await ended;
    },
  };
  started.add(demo);
  return demo;
}

/** Waits until it has printed where it is, and gives the token that it printed with it. */
async function tokenOf(demo: Demo): Promise<string> {
  const printed = () => /Console .*\/_oncegate\/ .*token for this run: (\S+)/.exec(demo.output())?.[1] ?? '';
  await expect.poll(printed, { timeout: 50_000, message: 'the token' }).not.toBe('');
  return printed();
}

/** A port that nobody has. It is bound for a moment to find it, and let go. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  server.close();
  await once(server, 'close');
  ports.push(port);
  return port;
}

test('npm start shows the demo, the console with its token, and a stream that one can come back to', async () => {
  const port = await freePort();
  const demo = start(port);
  const url = `http://localhost:${port}`;
  const token = await tokenOf(demo);
  const overview = (authorization: string) => fetch(`${url}/_oncegate/`, { headers: { authorization } });
  expect((await overview(`Bearer ${token}`)).status).toBe(200);
  expect((await overview('Bearer no-token-of-this')).status).toBe(401);

  const startedAt = Date.now();
  const key = freshKey();
  const chat = (signal?: AbortSignal) =>
    post(`${url}/v1/chat/completions`, key, {
      body: '{"stream":true}',
      headers: { 'content-type': 'application/json' },
      ...(signal === undefined ? {} : { signal }),
    });
  const left = new AbortController();
  const first = await chat(left.signal);
  expect(first.headers.get('cache-status')).toBe('oncegate; fwd=miss; stored');
  left.abort();
  const joined = await chat();
  expect(joined.headers.get('cache-status')).toBe('oncegate; fwd=miss; collapsed');
  const completion = joined.text();

  const order = async (orderKey: string) => {
    const response = await post(`${url}/orders`, orderKey, { body: '{}' });
    const { id }: { id: string } = await response.json();
    return { id, replayed: response.headers.get('idempotent-replayed') };
  };
  const bought = freshKey();
  const before = await order(bought);
  const flaky = async (flakyKey: string) => (await post(`${url}/flaky`, flakyKey)).status;
  const [one, another] = [freshKey(), freshKey()];
  expect([await flaky(one), await flaky(another), await flaky(one), await flaky(another)]).toEqual([
    500, 500, 200, 200,
  ]);

  expect(await completion).toMatch(/data: \[DONE\]\s*$/);
  expect(Date.now() - startedAt).toBeGreaterThan(10_000);
  await demo.stop();

  const again = start(port);
  expect(await tokenOf(again)).not.toBe(token);
  expect(await order(bought)).toEqual({ id: before.id, replayed: 'true' });
  const next = await order(freshKey());
  expect(next.replayed).toBeNull();
  expect(next.id).not.toBe(before.id);
  await again.stop();
}, 150_000);

test('a second npm start says in one line that the port is taken, and leaves the first alone', async () => {
  const port = await freePort();
  const first = start(port);
  await tokenOf(first);
  const second = start(port);
  expect(await second.ended).toBe(1);
  expect(second.output()).toMatch(/^Port \d+ is taken, .* npm start -- --port \d+\n$/);
  expect((await post(`http://localhost:${port}/orders`, freshKey(), { body: '{}' })).status).toBe(201);

  const beside = start(await freePort());
  await tokenOf(beside);
  expect((await post(`http://localhost:${port}/orders`, freshKey(), { body: '{}' })).status).toBe(201);
  for (const demo of [first, beside]) expect(demo.output()).not.toContain('SQLITE_BUSY');
  await Promise.all([first.stop(), beside.stop()]);
}, 150_000);

test.each(['127.0.0.1', '::1'])('a port that somebody else has at %s is taken, too', async (address) => {
  const server = createServer().listen({ port: 0, host: address });
  await once(server, 'listening');
  const bound = server.address();
  const demo = start(typeof bound === 'object' ? (bound?.port ?? 0) : 0);
  expect(await demo.ended).toBe(1);
  expect(demo.output()).toMatch(/^Port \d+ is taken/);
  server.close();
});
