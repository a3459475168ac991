import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { idempotentFetch } from '../../../src/client/index.ts';
import { post } from './orders.ts';
import { ok, serve, status, steps } from './server.ts';
import { soon } from './soon.ts';

describe('a key on each unsafe request', () => {
  test.each([
    ['POST', true],
    ['PATCH', true],
    ['PUT', true],
    ['DELETE', true],
    ['GET', false],
    ['HEAD', false],
    ['OPTIONS', false],
  ])('%s carries one: %s', async (method, keyed) => {
    await using server = await serve(ok);
    await idempotentFetch()(server.url, { method });
    expect(server.keys()[0] !== undefined).toBe(keyed);
  });

  test('every call draws another key', async () => {
    await using server = await serve(ok);
    const fetchOnce = idempotentFetch();
    await fetchOnce(server.url, post);
    await fetchOnce(server.url, post);
    const [first, second] = server.keys();
    expect(first).toMatch(/^[0-9a-f]{32}$/);
    expect(second).not.toBe(first);
  });

  test('a key already there is kept, also on a method that would get none', async () => {
    await using server = await serve(steps(status(503), ok, status(503), ok));
    const headers = { 'idempotency-key': 'mine' };
    await idempotentFetch(soon)(server.url, { ...post, headers });
    await idempotentFetch({ ...soon, methods: [] })(server.url, { ...post, headers });
    expect(server.keys()).toEqual(['mine', 'mine', 'mine', 'mine']);
  });

  test('header, key and methods are the caller’s to choose', async () => {
    await using server = await serve(ok);
    const fetchOnce = idempotentFetch({
      keyHeader: 'X-Request-Key',
      key: async (request) => `${request.method}-${await request.clone().text()}`,
      methods: ['PATCH'],
    });
    await fetchOnce(server.url, { method: 'PATCH', body: 'a' });
    await fetchOnce(server.url, post);
    expect(server.requests.map(({ headers }) => headers['x-request-key'])).toEqual(['PATCH-a', undefined]);
    expect(server.keys()).toEqual([undefined, undefined]);
  });

  test('Request, URL and string are all taken, with what they say', async () => {
    await using server = await serve(ok);
    const fetchOnce = idempotentFetch();
    await fetchOnce(new Request(`${server.url}/r`, { ...post, headers: { 'x-a': '1' } }));
    await fetchOnce(new URL(`${server.url}/u`), post);
    await fetchOnce(`${server.url}/s`);
    await fetchOnce(new Request(`${server.url}/o`, post), { method: 'PUT', body: 'other' });
    expect(server.requests.map(({ method, path, body }) => [method, path, body.toString()])).toEqual([
      ['POST', '/r', 'order'],
      ['POST', '/u', 'order'],
      ['GET', '/s', ''],
      ['PUT', '/o', 'other'],
    ]);
    expect(server.requests[0]?.headers).toMatchObject({
      'x-a': '1',
      'content-type': 'text/plain;charset=UTF-8',
    });
  });
});

const REPLAYED = { 'idempotent-replayed': 'true' };

test.each<[string, Record<string, string>]>([
  ['the gateway’s record', { ...REPLAYED, 'cache-status': 'oncegate; hit; ttl=9' }],
  [
    'the gateway’s record, of which a page may read one field only',
    { 'cache-status': 'oncegate; hit; ttl=9' },
  ],
  ['a replay of an API that has no gateway before it', REPLAYED],
])('onReplay is told of %s', async (_name, headers) => {
  expect(await replaysOf(headers)).toEqual(['server']);
});

test.each<[string, Record<string, string>]>([
  ['a first response', { 'cache-status': 'oncegate; fwd=miss; stored' }],
  ['a replay that only the upstream speaks of', { ...REPLAYED, 'cache-status': 'oncegate; fwd=bypass' }],
  ['a hit that an upstream claims', { 'cache-status': 'oncegate; hit, oncegate; fwd=miss; stored' }],
])('onReplay is not told of %s', async (_name, headers) => {
  expect(await replaysOf(headers)).toEqual([]);
});

async function replaysOf(headers: Record<string, string>): Promise<string[]> {
  await using server = await serve(status(400, headers));
  const replays: string[] = [];
  await idempotentFetch({ onReplay: ({ from }) => replays.push(from) })(server.url, post);
  return replays;
}

test('a fetch of the caller’s own is called as a function, as browsers demand of theirs', async () => {
  const called: unknown[] = [];
  const transport = function (this: unknown) {
    called.push(this);
    return Promise.resolve(new Response());
  };
  await idempotentFetch({ fetch: transport })('http://127.0.0.1:9/', post);
  expect(called).toEqual([undefined]);
});

test('a response that is not returned does not hold its connection', async () => {
  const released: string[] = [];
  const unread = (name: string) =>
    new ReadableStream<Uint8Array<ArrayBuffer>>({ cancel: () => void released.push(name) });
  const answers = [
    new Response(unread('first'), { status: 503 }),
    new Response(unread('second'), { status: 503 }),
  ];
  const transport = async () => answers.shift() ?? new Response('done');
  await idempotentFetch({ ...soon, fetch: transport })('http://127.0.0.1:9/', post);
  expect(released).toEqual(['first', 'second']);
});

test('a signal that outlives its calls gathers no listeners', async () => {
  await using server = await serve(steps(status(503), ok));
  const { signal } = new AbortController();
  await (await idempotentFetch(soon)(server.url, { ...post, signal })).text();
  expect(getEventListeners(signal, 'abort')).toHaveLength(0);
});

test('what a runtime’s own fetch takes beside the standard reaches it on every attempt', async () => {
  const seen: unknown[] = [];
  const transport = async (_input: unknown, init?: RequestInit) => {
    seen.push((init as { dispatcher?: unknown }).dispatcher);
    return new Response(null, { status: seen.length === 1 ? 503 : 200 });
  };
  const init = { ...post, dispatcher: 'agent' };
  await idempotentFetch({ ...soon, fetch: transport })('http://127.0.0.1:9/', init);
  expect(seen).toEqual(['agent', 'agent']);
});

test.each([
  ['maxRetries', { maxRetries: -1 }],
  ['maxRetries', { maxRetries: 1.5 }],
  ['baseDelayMs', { baseDelayMs: Number.NaN }],
  ['maxDelayMs', { maxDelayMs: 2 ** 31 }],
  ['maxRetryAfterMs', { maxRetryAfterMs: '1' }],
  ['attemptTimeoutMs', { attemptTimeoutMs: 0 }],
  ['totalTimeoutMs', { totalTimeoutMs: -5 }],
  ['maxRequestBytes', { maxRequestBytes: '10' }],
  ['keyHeader', { keyHeader: 'no good' }],
  ['key', { key: 'abc' }],
  ['methods', { methods: 'POST' }],
  ['methods', { methods: ['PO ST'] }],
  ['fetch', { fetch: 1 }],
  ['store', { store: {} }],
  ['caller', { caller: 'ann' }],
  ['resume', { resume: 'yes' }],
  ['throwWhenExhausted', { throwWhenExhausted: 1 }],
  ['onRetry', { onRetry: true }],
  ['onReplay', { onReplay: true }],
  ['onUnrecorded', { onUnrecorded: true }],
])('a bad %s gets a TypeError that names it', (name, options) => {
  const bad = options as Parameters<typeof idempotentFetch>[0];
  expect(() => idempotentFetch(bad)).toThrow(TypeError);
  expect(() => idempotentFetch(bad)).toThrow(new RegExp(`^${name}: `));
});

test.each(['undefined', 'null', '[object Object]'])(
  'a key that is %j, as none was made, gets a TypeError, and nothing is sent',
  async (key) => {
    await using server = await serve(ok);
    const headers = { 'idempotency-key': key };
    await expect(idempotentFetch()(server.url, { ...post, headers })).rejects.toThrow(/^key: /);
    await expect(idempotentFetch({ key: () => key })(server.url, post)).rejects.toThrow(/^key: /);
    expect(server.requests).toHaveLength(0);
  },
);

test.each(['', 'a b', '"a', 'ü', 'x'.repeat(256), undefined])(
  'a key function that gives %j gets a TypeError',
  async (key) => {
    const fetchOnce = idempotentFetch({ key: () => key as string });
    await expect(fetchOnce('http://127.0.0.1:9/', post)).rejects.toThrow(/^key: /);
  },
);
