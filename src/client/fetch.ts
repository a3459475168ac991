/** @module `idempotentFetch`: a fetch whose unsafe requests take effect once. Runs in: any runtime. */

import { sendWithRetries } from './attempts.ts';
import { type KeyedCall, prepareCall } from './call.ts';
import { fetchThroughStore } from './fetch-store.ts';
import { fetchLater, laterAt } from './later.ts';
import { type IdempotentFetchOptions, readOptions, type Settings } from './options.ts';
import { isReplayed } from './recorded.ts';
import { continuable } from './resume.ts';

/**
 * A drop-in `fetch` whose unsafe requests take effect once, however often they have to be sent.
 *
 * - Each unsafe request gets an idempotency key (draft-ietf-httpapi-idempotency-key-header) and keeps it on
 *   every retry; a key already there is kept.
 * - Network errors, 408, 425, 429, 500, 502, 503, 504 and the gateway's 409 `in-progress` are retried, after
 *   what `Retry-After` or `retry-after-ms` asks for, and at least exponential backoff with full jitter. No
 *   other 4xx is, and nothing of which the server says `x-should-retry: false`.
 * - A redirect within the origin is followed with the key. To another origin the key does not go: one that
 *   would take method and body there (307, 308) is returned.
 * - At the end of its retries it returns the last response, as a plain `fetch` would (`throwWhenExhausted`:
 *   throws).
 * - A recorded response whose body breaks off is asked for again and continued at the byte where it broke.
 * - A streamed request body is kept in memory for the retries, up to `maxRequestBytes`.
 * - With a `store`, a key that succeeded before is answered from it, and nothing is sent.
 *
 * How far "once" reaches: retrying is safe only where the other side honours the key (the gateway, or an API
 * of its own accord). A `store` guards against repeats *after* a success was seen; for an API that ignores
 * keys, a lost response is still unknown, so set `maxRetries: 0` there if a repeat would hurt.
 *
 * @throws {TypeError} here, for an option that makes no sense; from the returned fetch, for a request that
 * makes none
 * @throws {RetriesExhaustedError} from the returned fetch: no response at all, or none in time
 * @throws the reason of the caller's `AbortSignal`, as `fetch` does, whether it was sending or waiting
 *
 * @example
 * ```ts
 * const fetchOnce = idempotentFetch({ maxRetries: 5, attemptTimeoutMs: 30_000 });
 * const response = await fetchOnce('https://gateway.example/orders', {
 *   method: 'POST',
 *   body: JSON.stringify({ item: 'book' }),
 * });
 * const openai = new OpenAI({ fetch: fetchOnce, maxRetries: 0 });
 * ```
 */
export function idempotentFetch(options: IdempotentFetchOptions = {}): typeof fetch {
  const settings = readOptions(options);
  return async (input, init) => {
    const call = await prepareCall(input, init, settings);
    const { key } = call;
    if (key === undefined) return sendWithRetries(call, settings);
    const keyed = { ...call, key };
    const { store } = settings;
    if (store === undefined) return sendKeyed(keyed, settings);
    return fetchThroughStore(keyed, store, settings, (run) => sendKeyed(run, settings));
  };
}

async function sendKeyed(call: KeyedCall, settings: Settings): Promise<Response> {
  const { key, method, url, signal } = call;
  const response = await sendAndComeBack(call, settings);
  const whole = settings.resume
    ? continuable(response, {
        key,
        signal,
        again: (stopped) =>
          sendWithRetries({ ...call, signal: stopped }, { ...settings, throwWhenExhausted: true }),
        timing: settings,
        onBreak: (retry, delayMs, cause) => settings.onRetry?.({ key, method, url, retry, delayMs, cause }),
      })
    : response;
  if (isReplayed(whole.headers)) settings.onReplay?.({ key, response: whole, from: 'server' });
  return whole;
}

/** Sends the call, and fetches the result later where the server says that it runs. */
async function sendAndComeBack(call: KeyedCall, settings: Settings): Promise<Response> {
  const deadline = performance.now() + settings.totalTimeoutMs;
  for (let absent = 0; ; absent += 1) {
    const response = await sendWithRetries(call, settings);
    const at = settings.async ? laterAt(response, call.url) : undefined;
    if (at === undefined || absent > settings.maxRetries) return response;
    const result = await fetchLater(call, response, at, settings, deadline);
    if (result !== undefined) return result;
  }
}
