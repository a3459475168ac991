import { describe, expect, test } from 'vitest';
import { idempotentFetch, RetriesExhaustedError, type RetryEvent } from '../../../src/client/index.ts';
import { post } from './orders.ts';
import { drop, ok, problem, serve, status, steps } from './server.ts';
import { soon } from './soon.ts';

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
