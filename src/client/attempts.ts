/** @module Sends a call until there is an answer worth returning. Runs in: any runtime. */

import { until, wait } from './abort.ts';
import type { Call } from './call.ts';
import { RetriesExhaustedError } from './errors.ts';
import type { RetryCause, Settings } from './options.ts';
import { isRetryable, retryDelayMs } from './retry.ts';

type Outcome =
  | { readonly kind: 'final'; readonly response: Response }
  | Exclude<RetryCause, { readonly kind: 'body' }>;

/**
 * Sends a call until it has an answer worth returning, no retries, or no time left.
 *
 * @throws the caller's abort reason; {@link RetriesExhaustedError}; whatever `onRetry` throws
 */
export async function sendWithRetries(call: Call, settings: Settings): Promise<Response> {
  const deadline = performance.now() + settings.totalTimeoutMs;
  let lastResponse: Response | undefined;
  for (let attempts = 1; ; attempts += 1) {
    call.signal?.throwIfAborted();
    const leftMs = Math.max(0, deadline - performance.now());
    const outcome = await attempt(call, Math.min(settings.attemptTimeoutMs, leftMs));
    if (outcome.kind === 'final') return outcome.response;
    if (outcome.kind === 'status') lastResponse = outcome.response;

    const mayRetry = call.repeatable && attempts <= settings.maxRetries;
    const answer = outcome.kind === 'status' ? outcome.response : undefined;
    const delayMs = mayRetry ? retryDelayMs(attempts, answer?.headers, settings) : undefined;
    if (delayMs === undefined || performance.now() + delayMs >= deadline) {
      if (answer && !settings.throwWhenExhausted) return answer;
      throw exhausted(call, outcome, attempts, lastResponse);
    }
    const { key, method, url } = call;
    settings.onRetry?.({ key, method, url, retry: attempts, delayMs, cause: outcome });
    // Not awaited: an unread body would hold its connection, but it must not hold up the retry.
    answer?.body?.cancel().catch(() => {});
    await wait(delayMs, call.signal);
  }
}

async function attempt(call: Call, limitMs: number): Promise<Outcome> {
  const limit = new AbortController();
  const timer = Number.isFinite(limitMs)
    ? setTimeout(() => limit.abort(new DOMException('no response in time', 'TimeoutError')), limitMs)
    : undefined;
  const signal = call.signal ? AbortSignal.any([call.signal, limit.signal]) : limit.signal;
  try {
    const response = await until(call.send(signal), signal);
    const again = await until(isRetryable(response), signal);
    return { kind: again ? 'status' : 'final', response };
  } catch (error) {
    call.signal?.throwIfAborted();
    return { kind: limit.signal.aborted ? 'timeout' : 'network', error };
  } finally {
    clearTimeout(timer);
  }
}

function exhausted(
  call: Call,
  outcome: Exclude<Outcome, { readonly kind: 'final' }>,
  attempts: number,
  lastResponse: Response | undefined,
): RetriesExhaustedError {
  const why = {
    network: 'the connection failed',
    timeout: 'there was no response in time',
    status: `the response was ${lastResponse?.status}`,
  }[outcome.kind];
  const times = attempts === 1 ? 'once' : `${attempts} times`;
  // Messages end up in logs, and queries carry secrets.
  const { origin, pathname } = new URL(call.url);
  return new RetriesExhaustedError(`${call.method} ${origin}${pathname} was sent ${times}; at last ${why}.`, {
    reason: outcome.kind,
    key: call.key,
    attempts,
    lastResponse,
    ...(outcome.kind === 'status' ? {} : { cause: outcome.error }),
  });
}
