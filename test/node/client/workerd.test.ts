import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Miniflare } from 'miniflare';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { deterministicKey } from '../../../src/client/index.ts';
import { root } from './build.ts';
import { serve, status, steps } from './server.ts';
import { standIn } from './stand-in.ts';

/**
 * A Worker that runs one named scenario against the server it is given, with the library as it is published.
 */
const WORKER = `
import { deterministicKey, idempotentFetch, MemoryStore, requestKey, runBatch } from './client/index.js';

const post = { method: 'POST', body: 'order' };
const scenarios = {
  async retry(url) {
    const response = await idempotentFetch({ baseDelayMs: 1 })(url, { ...post, body: new Blob(['order']).stream() });
    return { status: response.status, text: await response.text() };
  },
  async request(url) {
    const response = await idempotentFetch({ baseDelayMs: 1 })(new Request(url, post));
    return { status: response.status, url: response.url };
  },
  async resume(url) {
    const response = await idempotentFetch({ baseDelayMs: 1 })(url, post);
    return { text: await response.text(), url: response.url };
  },
  async batch(url) {
    const store = new MemoryStore();
    const fetchOnce = idempotentFetch({ store, key: requestKey });
    const worker = async (item) => (await fetchOnce(url, { method: 'POST', body: item })).text();
    const { outcomes } = await runBatch(['a', 'b', 'a'], worker, { batchId: 'b' });
    return outcomes.map(({ value }) => value);
  },
  async timeout(url) {
    const fetchOnce = idempotentFetch({ attemptTimeoutMs: 50, maxRetries: 1, baseDelayMs: 1 });
    return fetchOnce(url, post).catch(({ name, reason, attempts }) => ({ name, reason, attempts }));
  },
  async abort(url) {
    const controller = new AbortController();
    setTimeout(() => controller.abort(new Error('enough')), 20);
    return idempotentFetch()(url, { ...post, signal: controller.signal }).catch(({ message }) => message);
  },
  async redirect(url) {
    const response = await idempotentFetch()(url, post);
    return { status: response.status, url: response.url, redirected: response.redirected };
  },
  key: () => deterministicKey('a', 1, { b: [true, null] }),
};

export default {
  async fetch(request) {
    const { searchParams } = new URL(request.url);
    return Response.json(await scenarios[searchParams.get('run')](searchParams.get('url')));
  },
};`;

let miniflare: Miniflare;

beforeAll(async () => {
  const directory = join(root, 'dist/client');
  const modules = Object.fromEntries(
    readdirSync(directory)
      .filter((file) => file.endsWith('.js') && file !== 'sqlite.js')
      .map((file) => [
        `client/${file}`,
        { type: 'esm' as const, contents: readFileSync(join(directory, file), 'utf8') },
      ]),
  );
  miniflare = new Miniflare({
    enableDevRegistry: false,
    workers: [
      {
        config: {
          name: 'consumer',
          compatibilityDate: '2026-11-01',
          manifest: {
            mainModule: 'worker.js',
            modules: { 'worker.js': { type: 'esm', contents: WORKER }, ...modules },
          },
          env: {},
          exports: {},
        },
        dev: { rootPath: root },
      },
    ],
  });
  await miniflare.ready;
});

afterAll(() => miniflare.dispose());

async function run(scenario: string, url = ''): Promise<unknown> {
  const query = new URLSearchParams({ run: scenario, url });
  const response = await miniflare.dispatchFetch(`http://worker.example/?${query}`);
  return response.json();
}

test('in workerd a streamed request is retried whole, under one key', async () => {
  await using server = await serve(steps(status(503), status(201)));
  expect(await run('retry', server.url)).toEqual({ status: 201, text: 'status 201' });
  expect(server.requests.map(({ body }) => body.toString())).toEqual(['order', 'order']);
  expect(new Set(server.keys()).size).toBe(1);
});

test('in workerd a Request is retried whole', async () => {
  await using server = await serve(steps(status(503), status(201)));
  expect(await run('request', server.url)).toEqual({ status: 201, url: `${server.url}/` });
  expect(server.requests.map(({ body }) => body.toString())).toEqual(['order', 'order']);
});

test('in workerd a body that breaks off is continued', async () => {
  await using gateway = await standIn(() => ({ chunks: ['first ', 'second'] }), {
    cut: (connection) => (connection === 1 ? 8 : undefined),
  });
  expect(await run('resume', gateway.url)).toEqual({ text: 'first second', url: `${gateway.url}/` });
  expect(gateway.requests).toHaveLength(2);
  expect(gateway.executions).toHaveLength(1);
});

test('in workerd batch and store work together', async () => {
  await using server = await serve(({ body, number }, response) => void response.end(`${body} ${number}`));
  const [a, b, again] = (await run('batch', server.url)) as string[];
  expect(again).toBe(a);
  expect([a, b].map((value) => value?.slice(0, 1))).toEqual(['a', 'b']);
  expect(server.requests).toHaveLength(2);
});

test('in workerd time limits and aborts end the call', async () => {
  await using server = await serve(() => {});
  expect(await run('timeout', server.url)).toEqual({
    name: 'RetriesExhaustedError',
    reason: 'timeout',
    attempts: 2,
  });
  expect(await run('abort', server.url)).toBe('enough');
});

test('in workerd a key goes along with a redirect within the origin, and to no other', async () => {
  await using other = await serve(status(201));
  await using server = await serve(
    steps(status(307, { location: '/new' }), status(201), status(307, { location: other.url })),
  );
  const followed = { status: 201, url: `${server.url}/new`, redirected: true };
  expect(await run('redirect', server.url)).toEqual(followed);
  expect(new Set(server.keys()).size).toBe(1);
  expect(await run('redirect', server.url)).toMatchObject({ status: 307, redirected: false });
  expect(other.requests).toEqual([]);
});

test('in workerd keys are the same as in Node', async () => {
  expect(await run('key')).toBe(await deterministicKey('a', 1, { b: [true, null] }));
});
