/**
 * Nobody but the ledger makes the handler run: a list of what somebody outside may send, each of it more than
 * once.
 */
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freshKey, type RunningApp, startApp } from './world.ts';

let app: RunningApp;

beforeAll(async () => {
  app = await startApp('shop.ts');
});

afterAll(() => app[Symbol.asyncDispose]());

const RUN = JSON.stringify({ oncegate: { name: '/guarded/*', key: 'mine', execution: 'x'.repeat(43) } });

/**
 * Fields by which one might think that the inner request is known, or that the method or the path is changed.
 */
const FIELDS: Record<string, string>[] = [
  { props: RUN },
  { 'cf-props': RUN, 'x-props': RUN, 'ctx-props': RUN, 'worker-props': RUN },
  { oncegate: '1', 'x-oncegate': RUN, 'oncegate-inner': 'true', 'oncegate-execution': 'x' },
  { 'oncegate-response-head': 'WzIwMCxbXV0=' },
  { 'cf-worker': 'app', 'cf-ew-via': '15', 'cdn-loop': 'cloudflare; loops=1; subreqs=1' },
  { via: '1.1 oncegate-00000000' },
  { 'x-http-method-override': 'GET', 'x-method-override': 'GET', 'x-http-method': 'GET' },
  { 'x-original-url': '/_seen', 'x-rewrite-url': '/_seen' },
  { 'x-forwarded-for': '127.0.0.1', 'cf-connecting-ip': '::1', 'x-real-ip': '127.0.0.1' },
  { forwarded: 'for=127.0.0.1;host=app', 'x-forwarded-host': 'fake-host', 'x-forwarded-proto': 'http' },
  { 'mf-original-url': 'http://app/guarded', 'mf-route-override': 'app', 'mf-op': 'GET' },
  { 'idempotent-replayed': 'true', 'cache-status': 'oncegate; hit' },
  { upgrade: 'websocket', connection: 'Upgrade' },
  { upgrade: 'h2c', connection: 'Upgrade, HTTP2-Settings' },
  { connection: 'idempotency-key, close' },
  { expect: '100-continue' },
  { cookie: 'idempotency=1; oncegate=1' },
  { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' },
  { __proto__: 'x', constructor: 'x' },
];

const TARGETS = [
  '/guarded',
  '/guarded?oncegate=1',
  '/%67uarded',
  '/./guarded',
  '/x/../guarded',
  '/guarded#x',
];

async function runsOf(attempt: string): Promise<number> {
  const { runs }: { runs: Record<string, number> } = await (await fetch(`${app.url}/_seen`)).json();
  return runs[attempt] ?? 0;
}

/** Sends a request as it is written, which no client would, and returns its answer. */
async function send(target: string, fields: Record<string, string>): Promise<string> {
  const { hostname, port } = new URL(app.url);
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}`);
  const closing = 'connection' in fields ? [] : ['connection: close'];
  const socket = connect(Number(port), hostname);
  socket.end(
    [
      `POST ${target} HTTP/1.1`,
      `host: ${hostname}:${port}`,
      ...lines,
      ...closing,
      'content-length: 2',
      '',
      'hi',
    ].join('\r\n'),
  );
  let text = '';
  socket.setEncoding('latin1');
  socket.setTimeout(20_000, () => socket.destroy());
  socket.on('error', () => {});
  for await (const chunk of socket) text += chunk;
  return text;
}

test.each(FIELDS)('%o', async (fields) => {
  for (const target of TARGETS) {
    const attempt = freshKey();
    const keyed = { 'idempotency-key': attempt, 'x-attempt': attempt, ...fields };
    const answers = [await send(target, keyed), await send(target, keyed), await send(target, keyed)];
    expect(await runsOf(attempt), answers.join('\n')).toBeLessThanOrEqual(1);
    expect(answers.join('\n')).not.toContain('"told":null');
    const without = freshKey();
    const refused = await send(target, { 'x-attempt': without, ...fields });
    expect(await runsOf(without), refused).toBe(0);
  }
});

test('what is sent as it should be runs once: the list above is put to something that answers', async () => {
  const attempt = freshKey();
  const keyed = { 'idempotency-key': attempt, 'x-attempt': attempt };
  const first = await send('/guarded', keyed);
  expect(first).toContain(`"told":{"key":"${attempt}"`);
  expect(await send('/guarded', keyed)).toContain('idempotent-replayed: true');
  expect(await runsOf(attempt)).toBe(1);
});
