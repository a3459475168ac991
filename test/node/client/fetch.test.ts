import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { idempotentFetch, RetriesExhaustedError, type RetryEvent } from '../../../src/client/index.ts';
import { drop, ok, problem, serve, status, steps } from './server.ts';

const soon = { baseDelayMs: 1, maxDelayMs: 1 };
const post = { method: 'POST', body: 'order' };

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

describe('what is tried again', () => {
  test.each([408, 425, 429, 500, 502, 503, 504])('%i is, under the same key', async (code) => {
    await using server = await serve(steps(status(code), status(code), ok));
    const response = await idempotentFetch(soon)(server.url, post);
    expect(await response.text()).toBe('done');
    expect(server.requests.map(({ body }) => body.toString())).toEqual(['order', 'order', 'order']);
    expect(new Set(server.keys()).size).toBe(1);
  });

  test.each([400, 401, 403, 404, 405, 410, 413, 415, 422, 501, 505])('%i is not', async (code) => {
    await using server = await serve(steps(status(code), ok));
    const response = await idempotentFetch(soon)(server.url, post);
    expect([response.status, await response.text()]).toEqual([code, `status ${code}`]);
    expect(server.requests).toHaveLength(1);
  });

  test('the gateway’s 409 in-progress is', async () => {
    await using server = await serve(steps(problem('in-progress', 409, { 'retry-after': '0' }), ok));
    expect((await idempotentFetch(soon)(server.url, post)).status).toBe(200);
    expect(server.requests).toHaveLength(2);
  });

  test.each([
    ['a problem of another type', problem('outcome-unknown', 409)],
    ['a record that is damaged', problem('record-damaged', 409)],
    [
      'a plain conflict',
      status(409, { 'content-type': 'application/json' }, '{"type":"/problems/in-progress"}'),
    ],
    ['a broken problem', status(409, { 'content-type': 'application/problem+json' }, '{')],
    [
      'a problem far too long',
      status(409, { 'content-type': 'application/problem+json' }, ' '.repeat(200_000)),
    ],
  ])('409 with %s is not, and its body is all there', async (_name, conflict) => {
    await using server = await serve(steps(conflict, ok));
    const response = await idempotentFetch(soon)(server.url, post);
    expect(response.status).toBe(409);
    expect((await response.text()).length).toBeGreaterThan(0);
    expect(server.requests).toHaveLength(1);
  });

  test('a 409 whose problem never ends is not waited for', async () => {
    await using server = await serve((_request, response) => {
      response.writeHead(409, { 'content-type': 'application/problem+json' }).write(' '.repeat(200_000));
    });
    const response = await idempotentFetch(soon)(server.url, post);
    expect(response.status).toBe(409);
    await response.body?.cancel();
  });

  test.each([
    ['503 with x-should-retry: false', status(503, { 'x-should-retry': 'false' })],
    ['429 with Stripe-Should-Retry: false', status(429, { 'stripe-should-retry': 'False' })],
    [
      '409 in-progress with x-should-retry: false',
      problem('in-progress', 409, { 'x-should-retry': 'false' }),
    ],
    ['422 with x-should-retry: true', status(422, { 'x-should-retry': 'true' })],
    ['409 with x-should-retry: true', status(409, { 'x-should-retry': 'true' })],
  ])('%s is not', async (_name, final) => {
    await using server = await serve(steps(final, ok));
    const response = await idempotentFetch({ ...soon, throwWhenExhausted: true })(server.url, post);
    expect(response.ok).toBe(false);
    expect(server.requests).toHaveLength(1);
  });

  test('a dropped connection is, under the same key', async () => {
    await using server = await serve(steps(drop, drop, ok));
    expect((await idempotentFetch(soon)(server.url, post)).status).toBe(200);
    expect(server.requests).toHaveLength(3);
    expect(new Set(server.keys()).size).toBe(1);
  });

  test('a safe request is, without a key', async () => {
    await using server = await serve(steps(drop, status(503), ok));
    expect((await idempotentFetch(soon)(server.url)).status).toBe(200);
    expect(server.keys()).toEqual([undefined, undefined, undefined]);
  });

  test('a request without a key is only if its method is idempotent', async () => {
    await using server = await serve(steps(status(503), status(503), ok));
    const unkeyed = idempotentFetch({ ...soon, methods: [] });
    expect((await unkeyed(server.url, post)).status).toBe(503);
    expect((await unkeyed(server.url, { ...post, method: 'PUT' })).status).toBe(200);
  });

  test.each([
    ['a URL that is none', 'http://[', post],
    ['a body on GET', 'http://127.0.0.1:9/', { body: 'x' }],
    ['a method that is forbidden', 'http://127.0.0.1:9/', { method: 'TRACE' }],
    ['a mode that cannot carry a key', 'http://127.0.0.1:9/', { ...post, mode: 'no-cors' as const }],
  ])('%s is not: a TypeError says so before anything is sent', async (_name, url, init) => {
    let sent = 0;
    const transport = async () => {
      sent += 1;
      return new Response();
    };
    await expect(idempotentFetch({ fetch: transport })(url, init)).rejects.toThrow(TypeError);
    expect(sent).toBe(0);
  });
});

describe('when the retries are used up', () => {
  test('the last response comes back whole, as from a plain fetch', async () => {
    await using server = await serve(
      ({ number }, response) => void response.writeHead(503).end(`try ${number}`),
    );
    const response = await idempotentFetch({ ...soon, maxRetries: 2 })(server.url, post);
    expect([response.status, await response.text(), response.url]).toEqual([503, 'try 3', `${server.url}/`]);
  });

  test('throwWhenExhausted throws it instead, body unread', async () => {
    await using server = await serve(status(503));
    const fetchOnce = idempotentFetch({ ...soon, maxRetries: 1, throwWhenExhausted: true });
    const error = await fetchOnce(server.url, post).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(RetriesExhaustedError);
    expect(error).toMatchObject({ reason: 'status', attempts: 2, key: server.keys()[0] });
    expect(await (error as RetriesExhaustedError).lastResponse?.text()).toBe('status 503');
  });

  test('throwWhenExhausted leaves other statuses alone', async () => {
    await using server = await serve(status(422));
    expect((await idempotentFetch({ throwWhenExhausted: true })(server.url, post)).status).toBe(422);
  });

  test('a network error is thrown with key, attempts, cause and the last response', async () => {
    await using server = await serve(steps(status(502), drop));
    const error = await idempotentFetch({ ...soon, maxRetries: 2 })(`${server.url}/?secret=1`, post).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({
      name: 'RetriesExhaustedError',
      reason: 'network',
      attempts: 3,
      key: server.keys()[0],
      cause: expect.any(TypeError),
      message: `POST ${server.url}/ was sent 3 times; at last the connection failed.`,
    });
    expect((error as RetriesExhaustedError).lastResponse?.status).toBe(502);
  });
});

describe('what the server asks for', () => {
  const givingUp = (options: { maxRetryAfterMs?: number } = {}) => {
    const events: RetryEvent[] = [];
    const onRetry = (event: RetryEvent) => {
      events.push(event);
      throw new Error('seen enough');
    };
    return { events, fetchOnce: idempotentFetch({ ...options, onRetry }) };
  };

  test.each([
    ['429 with seconds', { 'retry-after': '7' }, 7_000],
    ['429 with milliseconds', { 'retry-after-ms': '1250.5', 'retry-after': '7' }, 1_250.5],
  ])('%s is waited for', async (_name, headers, delayMs) => {
    await using server = await serve(status(429, headers));
    const { events, fetchOnce } = givingUp();
    await expect(fetchOnce(server.url, post)).rejects.toThrow('seen enough');
    expect(events).toMatchObject([
      {
        delayMs,
        retry: 1,
        method: 'POST',
        url: `${server.url}/`,
        key: server.keys()[0],
        cause: { kind: 'status' },
      },
    ]);
  });

  test('429 with a date is waited for', async () => {
    const at = new Date(Date.now() + 20_000);
    await using server = await serve(status(429, { 'retry-after': at.toUTCString() }));
    const { events, fetchOnce } = givingUp();
    await expect(fetchOnce(server.url, post)).rejects.toThrow('seen enough');
    expect(events[0]?.delayMs).toBeGreaterThan(10_000);
    expect(events[0]?.delayMs).toBeLessThanOrEqual(20_000);
  });

  test('more patience than maxRetryAfterMs is not waited for: the response is returned', async () => {
    await using server = await serve(status(429, { 'retry-after': '61' }));
    const { events, fetchOnce } = givingUp({ maxRetryAfterMs: 60_000 });
    expect((await fetchOnce(server.url, post)).headers.get('retry-after')).toBe('61');
    expect(events).toEqual([]);
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
