import { describe, expect, test } from 'vitest';
import { idempotentFetch, MemoryStore } from '../../../src/client/index.ts';
import { type Handler, ok, type Server, serve, status, steps } from './server.ts';
import { soon } from './soon.ts';

const CREDENTIALS = { authorization: 'Bearer a', 'x-api-key': 'b', cookie: 'c=d' };
const post = { method: 'POST', body: 'order', headers: { ...CREDENTIALS, 'x-note': 'n' } };

const to = (location: string, code: number) => status(code, { location }, 'moved');
const seen = ({ requests }: Server) =>
  requests.map(({ method, path, headers, body }) => [
    method,
    path,
    body.toString(),
    headers['idempotency-key'] !== undefined,
  ]);

describe('a redirect within the origin', () => {
  test.each([307, 308])('keeps method, body, key and credentials (%i)', async (code) => {
    await using server = await serve(steps(to('/new#part', code), ok));
    const response = await idempotentFetch()(`${server.url}/old`, post);
    expect(seen(server)).toEqual([
      ['POST', '/old', 'order', true],
      ['POST', '/new', 'order', true],
    ]);
    expect(new Set(server.keys()).size).toBe(1);
    expect(server.requests[1]?.headers).toMatchObject({
      ...post.headers,
      'content-type': 'text/plain;charset=UTF-8',
    });
    expect([response.url, response.redirected, await response.text()]).toEqual([
      `${server.url}/new`,
      true,
      'done',
    ]);
  });

  test.each([301, 302, 303])('that turns into a GET leaves key and body behind (%i)', async (code) => {
    await using server = await serve(steps(to('new', code), ok));
    const headers = { ...post.headers, 'content-type': 'text/html' };
    await idempotentFetch()(new Request(`${server.url}/old`, { ...post, headers }));
    expect(seen(server)).toEqual([
      ['POST', '/old', 'order', true],
      ['GET', '/new', '', false],
    ]);
    expect(server.requests[1]?.headers).toMatchObject(post.headers);
    expect(server.requests[1]?.headers).not.toHaveProperty('content-type');
  });

  test('keeps the method of what is no POST', async () => {
    await using server = await serve(steps(to('/new', 301), ok));
    await idempotentFetch()(server.url, { ...post, method: 'PUT' });
    expect(seen(server)).toEqual([
      ['PUT', '/', 'order', true],
      ['PUT', '/new', 'order', true],
    ]);
  });

  test('is followed again on a retry, under the same key', async () => {
    await using server = await serve(steps(to('/new', 307), status(503), to('/new', 307), ok));
    expect((await idempotentFetch(soon)(server.url, post)).status).toBe(200);
    expect(server.requests.map(({ path }) => path)).toEqual(['/', '/new', '/', '/new']);
    expect(new Set(server.keys()).size).toBe(1);
  });

  test('carries what a runtime’s own fetch takes beside the standard', async () => {
    const passed: unknown[] = [];
    const transport = async (_input: unknown, init?: RequestInit) => {
      passed.push((init as { dispatcher?: unknown }).dispatcher);
      return passed.length === 1
        ? new Response(null, { status: 307, headers: { location: '/new' } })
        : new Response('done');
    };
    const init = { ...post, dispatcher: 'agent' };
    const response = await idempotentFetch({ fetch: transport })('http://api.example/', init);
    expect(passed).toEqual(['agent', 'agent']);
    expect(response.url).toBe('http://api.example/new');
  });

  test('that never ends is given up', async () => {
    await using server = await serve(to('/', 307));
    const response = await idempotentFetch(soon)(server.url, post);
    expect(response.status).toBe(307);
    expect(server.requests).toHaveLength(21);
  });
});

describe('a redirect to another origin', () => {
  test.each([
    [307, 'POST'],
    [308, 'POST'],
    [301, 'PUT'],
    [302, 'DELETE'],
  ])('is not followed with method, body and key: the caller gets it (%i, %s)', async (code, method) => {
    await using other = await serve(ok);
    await using server = await serve(to(`${other.url}/new`, code));
    const store = new MemoryStore();
    const response = await idempotentFetch({ ...soon, store })(server.url, { ...post, method });
    expect([response.status, response.headers.get('location'), await response.text()]).toEqual([
      code,
      `${other.url}/new`,
      'moved',
    ]);
    expect([server.requests.length, other.requests.length, store.size]).toEqual([1, 0, 0]);
  });

  test('is not followed after one within it, either', async () => {
    await using other = await serve(ok);
    await using server = await serve(steps(to('/next', 307), to(other.url, 307)));
    const response = await idempotentFetch()(server.url, post);
    expect([response.status, response.url]).toEqual([307, `${server.url}/next`]);
    expect(other.requests).toEqual([]);
  });

  test.each([301, 302, 303])('that turns into a GET leaves key and credentials behind (%i)', async (code) => {
    await using other = await serve(ok);
    await using server = await serve(to(`${other.url}/file`, code));
    expect(await (await idempotentFetch()(server.url, post)).text()).toBe('done');
    expect(seen(other)).toEqual([['GET', '/file', '', false]]);
    expect(other.requests[0]?.headers).toMatchObject({ 'x-note': 'n' });
    for (const name of Object.keys(CREDENTIALS)) expect(other.requests[0]?.headers).not.toHaveProperty(name);
  });
});

test.each<[string, string]>([
  ['no URL', 'http://['],
  ['no HTTP', 'ftp://api.example/'],
  ['a user and a password', 'http://a:b@api.example/'],
])('a redirect to %s is handed back', async (_name, location) => {
  await using server = await serve(to(location, 307));
  expect((await idempotentFetch(soon)(server.url, post)).status).toBe(307);
  expect(server.requests).toHaveLength(1);
});

describe('the caller’s own word on redirects holds', () => {
  test('manual', async () => {
    await using server = await serve(to('/new', 307));
    const response = await idempotentFetch()(new Request(server.url, { ...post, redirect: 'manual' }));
    expect([response.status, server.requests.length]).toEqual([307, 1]);
  });

  test('error', async () => {
    await using server = await serve(to('/new', 307));
    const failed = idempotentFetch({ maxRetries: 0 })(server.url, { ...post, redirect: 'error' });
    await expect(failed).rejects.toThrow();
    expect(server.requests).toHaveLength(1);
  });

  test('follow, for a request without a key, is the runtime’s', async () => {
    await using other = await serve(ok);
    const moved: Handler = to(other.url, 307);
    await using server = await serve(moved);
    expect(await (await idempotentFetch()(server.url)).text()).toBe('done');
    expect(await (await idempotentFetch({ methods: [] })(server.url, post)).text()).toBe('done');
  });
});
