import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type IdempotentFetchOptions, idempotentFetch, type RetryEvent } from '../../../src/client/index.ts';
import { retryAfterMs } from '../../../src/client/retry.ts';

const url = 'http://api.example/';
const post = { method: 'POST', body: 'order' };
const NOW = Date.parse('Sun, 06 Nov 1994 08:49:37 GMT');

beforeEach(() => {
  // Far from Greenwich, so that a date read as local time shows.
  vi.stubEnv('TZ', 'America/New_York');
  vi.useFakeTimers({ now: NOW });
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  vi.useRealTimers();
});

/** A transport that fails the same way each time and honours its signal, as fetch does. */
const always = (code: number, headers: Record<string, string> = {}) =>
  vi.fn(async () => new Response(null, { status: code, headers }));
const never = vi.fn(
  (_input: unknown, init?: RequestInit) =>
    new Promise<Response>((_resolve, reject) => {
      init?.signal?.addEventListener('abort', () => reject(init.signal?.reason));
    }),
);

describe('backoff', () => {
  const delaysOf = async (
    random: number,
    { status = 503, ...options }: IdempotentFetchOptions & { status?: number } = {},
  ) => {
    vi.spyOn(Math, 'random').mockReturnValue(random);
    const delays: number[] = [];
    const onRetry = ({ delayMs }: RetryEvent) => delays.push(delayMs);
    const fetchOnce = idempotentFetch({ fetch: always(503), maxRetries: 6, onRetry, ...options });
    const response = fetchOnce(url, post);
    await vi.runAllTimersAsync();
    expect((await response).status).toBe(status);
    return delays;
  };

  test('doubles its bound up to maxDelayMs', async () => {
    expect(await delaysOf(1, { baseDelayMs: 100, maxDelayMs: 1_000 })).toEqual([
      100, 200, 400, 800, 1_000, 1_000,
    ]);
  });

  test('is jittered over the whole of it', async () => {
    expect(await delaysOf(0)).toEqual([0, 0, 0, 0, 0, 0]);
    expect(await delaysOf(0.5, { baseDelayMs: 100 })).toEqual([50, 100, 200, 400, 800, 1_600]);
  });

  test('waits as long as it says', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(1);
    const transport = always(503);
    const response = idempotentFetch({ fetch: transport, maxRetries: 1, baseDelayMs: 400 })(url, post);
    await vi.advanceTimersByTimeAsync(399);
    expect(transport).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(transport).toHaveBeenCalledTimes(2);
    await response;
  });

  test.each([
    { 'retry-after': '0' },
    { 'retry-after-ms': '0' },
    { 'retry-after-ms': '0.5' },
    { 'retry-after': 'Sun, 06 Nov 1994 08:49:00 GMT' },
  ])('is not shortened by a server that asks for no patience: %j', async (headers) => {
    const options = { fetch: always(429, headers as Record<string, string>), status: 429 };
    expect(await delaysOf(0.5, { ...options, baseDelayMs: 100, maxDelayMs: 400 })).toEqual([
      50, 100, 200, 200, 200, 200,
    ]);
  });

  test('is longer than what the server asks for, where that is little', async () => {
    const options = { fetch: always(429, { 'retry-after-ms': '120' }), status: 429 };
    expect(await delaysOf(1, { ...options, baseDelayMs: 50 })).toEqual([120, 120, 200, 400, 800, 1_600]);
  });

  test('gives way to Retry-After', async () => {
    const transport = always(429, { 'retry-after': '9' });
    const response = idempotentFetch({ fetch: transport, maxRetries: 1, baseDelayMs: 1 })(url, post);
    await vi.advanceTimersByTimeAsync(8_999);
    expect(transport).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(transport).toHaveBeenCalledTimes(2);
    await response;
  });
});

test.each([
  [{ 'retry-after': '120' }, 120_000],
  [{ 'retry-after': 'Sun, 06 Nov 1994 08:49:47 GMT' }, 10_000],
  [{ 'retry-after': 'Sunday, 06-Nov-94 08:49:47 GMT' }, 10_000],
  [{ 'retry-after': 'Sun Nov  6 08:49:47 1994' }, 10_000],
  [{ 'retry-after': 'Sun, 06 Nov 1994 08:49:00 GMT' }, 0],
  [{ 'retry-after-ms': '30' }, 30],
  [{ 'retry-after-ms': 'soon', 'retry-after': '1' }, 1_000],
  [{ 'retry-after': '-1' }, undefined],
  [{ 'retry-after': '1.5' }, undefined],
  [{ 'retry-after': 'soon' }, undefined],
  [{ 'retry-after': 'Sunday is a good day' }, undefined],
  [{ 'retry-after': '9'.repeat(400) }, 2_147_483_647],
  [{}, undefined],
])('%j asks for %s ms', (headers, expected) => {
  expect(retryAfterMs(new Headers(headers as Record<string, string>), NOW)).toBe(expected);
});

describe('time limits', () => {
  test('an attempt that gets no head in time is followed by another', async () => {
    const transport = vi
      .fn<typeof fetch>()
      .mockImplementationOnce(never)
      .mockImplementationOnce(async () => new Response('late but there'));
    const response = idempotentFetch({ fetch: transport, attemptTimeoutMs: 1_000, baseDelayMs: 0 })(
      url,
      post,
    );
    await vi.runAllTimersAsync();
    expect(await (await response).text()).toBe('late but there');
    expect(vi.getTimerCount()).toBe(0);
  });

  test('attempts that all get none end in a timeout error', async () => {
    const failed = idempotentFetch({ fetch: never, attemptTimeoutMs: 1_000, baseDelayMs: 0, maxRetries: 2 })(
      url,
      post,
    );
    const error = failed.catch((thrown: unknown) => thrown);
    await vi.runAllTimersAsync();
    expect(await error).toMatchObject({ reason: 'timeout', attempts: 3, cause: { name: 'TimeoutError' } });
  });

  test('the limit over all cuts an attempt short', async () => {
    const failed = idempotentFetch({ fetch: never, attemptTimeoutMs: 10_000, totalTimeoutMs: 3_000 })(
      url,
      post,
    );
    const error = failed.catch((thrown: unknown) => thrown);
    await vi.advanceTimersByTimeAsync(3_000);
    expect(await error).toMatchObject({ reason: 'timeout', attempts: 1 });
  });

  test('a wait that would outlast the limit over all is not begun', async () => {
    const transport = always(429, { 'retry-after': '10' });
    const response = await idempotentFetch({ fetch: transport, totalTimeoutMs: 10_000 })(url, post);
    expect(response.status).toBe(429);
    expect(transport).toHaveBeenCalledTimes(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('a limit does not end a body that has begun', async () => {
    const late = new TransformStream<Uint8Array, Uint8Array>();
    const transport = async () => new Response(late.readable as ReadableStream<Uint8Array<ArrayBuffer>>);
    const response = await idempotentFetch({ fetch: transport, attemptTimeoutMs: 10, totalTimeoutMs: 10 })(
      url,
      post,
    );
    await vi.advanceTimersByTimeAsync(60_000);
    const writer = late.writable.getWriter();
    const text = response.text();
    await writer.write(new TextEncoder().encode('slow'));
    await writer.close();
    expect(await text).toBe('slow');
  });
});

describe('an abort ends the call with its own reason', () => {
  const reason = { my: 'reason' };

  test('before anything is sent', async () => {
    const transport = always(200);
    const init = { ...post, signal: AbortSignal.abort(reason) };
    await expect(idempotentFetch({ fetch: transport })(url, init)).rejects.toBe(reason);
    await expect(idempotentFetch({ fetch: transport })(new Request(url, init))).rejects.toBe(reason);
    expect(transport).not.toHaveBeenCalled();
  });

  test.each([
    ['that honours it', never],
    ['that does not', () => new Promise<Response>(() => {})],
  ])('during an attempt of a transport %s', async (_name, transport) => {
    const controller = new AbortController();
    const call = idempotentFetch({ fetch: transport })(url, { ...post, signal: controller.signal });
    setTimeout(() => controller.abort(reason), 50);
    const outcome = expect(call).rejects.toBe(reason);
    await vi.advanceTimersByTimeAsync(50);
    await outcome;
  });

  test('while waiting, and no timer stays behind', async () => {
    const controller = new AbortController();
    const transport = always(429, { 'retry-after': '30' });
    const call = idempotentFetch({ fetch: transport })(url, { ...post, signal: controller.signal });
    const outcome = expect(call).rejects.toBe(reason);
    await vi.advanceTimersByTimeAsync(5_000);
    controller.abort(reason);
    await outcome;
    expect(transport).toHaveBeenCalledTimes(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('while a streamed request body is being read', async () => {
    const controller = new AbortController();
    const cancelled = vi.fn();
    const body = new ReadableStream({ cancel: cancelled });
    const call = idempotentFetch({ fetch: never })(url, {
      method: 'POST',
      body,
      duplex: 'half',
      signal: controller.signal,
    } as RequestInit);
    controller.abort(reason);
    await expect(call).rejects.toBe(reason);
    expect(cancelled).toHaveBeenCalledWith(reason);
  });
});

test('a reader that cancels while its body waits to be continued ends the waiting, and nothing more is sent', async () => {
  // Waiting for the timer to be set moves the fake clock, so the delay has to be longer than that takes.
  vi.spyOn(Math, 'random').mockReturnValue(1);
  const breaking = new ReadableStream({
    pull: (controller) => controller.error(new TypeError('terminated')),
  });
  const headers = { 'cache-status': 'oncegate; fwd=miss; stored' };
  const transport = vi.fn(async () => new Response(breaking, { headers }));
  const reader = (await idempotentFetch({ fetch: transport })(url, post)).body?.getReader();
  const read = reader?.read();
  await vi.waitFor(() => expect(vi.getTimerCount()).toBe(1));
  await reader?.cancel();
  expect(await read).toEqual({ done: true, value: undefined });
  expect(vi.getTimerCount()).toBe(0);
  expect(transport).toHaveBeenCalledTimes(1);
});
