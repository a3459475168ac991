/** @module What is worth a retry, and when. Runs in: any runtime. */

import { MAX_TIMER_MS } from './checks.ts';

/** How often and how long apart; the times are milliseconds. */
export interface RetryTiming {
  readonly maxRetries: number;
  readonly baseDelayMs: number;
  readonly maxDelayMs: number;
  readonly maxRetryAfterMs: number;
}

/** Statuses after which the same request, sent again, may fare better. 409 is a case of its own. */
const RETRYABLE_STATUSES: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

/** A problem document is a few hundred bytes; whatever is longer than this is not one of the gateway's. */
const MAX_PROBLEM_BYTES = 65_536;

const HTTP_DATE = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? /;

/**
 * Fields in which a server says that the same request, sent again, gets the same answer; OpenAI's and
 * Stripe's.
 */
const SHOULD_RETRY_FIELDS = ['x-should-retry', 'stripe-should-retry'];

/**
 * Whether this response is worth another try. A 409 is one only when it is the gateway's `in-progress`
 * problem (RFC 9457): any other conflict stays a conflict. A server that says no is believed, one that says
 * yes is not: it knows of itself that trying again is useless, but not of us that it is safe. The body stays
 * readable for the caller.
 */
export async function isRetryable(response: Response): Promise<boolean> {
  if (SHOULD_RETRY_FIELDS.some((name) => response.headers.get(name)?.trim().toLowerCase() === 'false')) {
    return false;
  }
  if (response.status === 409) return isInProgress(response);
  return RETRYABLE_STATUSES.has(response.status);
}

/**
 * Milliseconds to wait before retry number `retry` (from 1), or `undefined` when the server asks for more
 * patience than `maxRetryAfterMs`. Exponential backoff with full jitter; what the server asks for may make it
 * longer, never shorter: a `Retry-After` of 0, or a clock that is behind ours, would make a busy loop of the
 * retries.
 */
export function retryDelayMs(
  retry: number,
  headers: Headers | undefined,
  timing: RetryTiming,
): number | undefined {
  const askedMs = headers && retryAfterMs(headers, Date.now());
  if (askedMs !== undefined && askedMs > timing.maxRetryAfterMs) return undefined;
  return Math.max(askedMs ?? 0, backoffMs(retry, timing));
}

/**
 * A random time between none and the exponentially growing, capped bound: full jitter spreads a crowd best.
 */
export function backoffMs(retry: number, timing: Pick<RetryTiming, 'baseDelayMs' | 'maxDelayMs'>): number {
  return Math.random() * Math.min(timing.maxDelayMs, timing.baseDelayMs * 2 ** (retry - 1));
}

/**
 * What `retry-after-ms` or `Retry-After` (RFC 9110 §10.2.3: seconds or an HTTP date) asks for, in
 * milliseconds from `nowMs`; `undefined` when there is neither or it makes no sense.
 */
export function retryAfterMs(headers: Headers, nowMs: number): number | undefined {
  const precise = headers.get('retry-after-ms')?.trim() ?? '';
  if (/^\d+(\.\d+)?$/.test(precise)) return Math.min(Number(precise), MAX_TIMER_MS);
  const value = headers.get('retry-after')?.trim() ?? '';
  if (/^\d+$/.test(value)) return Math.min(Number(value) * 1000, MAX_TIMER_MS);
  if (!HTTP_DATE.test(value)) return undefined;
  // The obsolete asctime form names no zone and would be read as local time.
  const at = Date.parse(value.endsWith('GMT') ? value : `${value} GMT`);
  return Number.isNaN(at) ? undefined : Math.min(Math.max(0, at - nowMs), MAX_TIMER_MS);
}

async function isInProgress(response: Response): Promise<boolean> {
  const mediaType = response.headers.get('content-type') ?? '';
  if (!/^application\/problem\+json\b/i.test(mediaType) || response.body === null) return false;
  const text = await startOfText(response.clone());
  try {
    const problem: unknown = JSON.parse(text);
    return (
      typeof problem === 'object' &&
      problem !== null &&
      'type' in problem &&
      typeof problem.type === 'string' &&
      problem.type.endsWith('/problems/in-progress')
    );
  } catch {
    return false;
  }
}

async function startOfText(copy: Response): Promise<string> {
  const reader = copy.body?.getReader();
  const decoder = new TextDecoder();
  let text = '';
  while (reader && text.length < MAX_PROBLEM_BYTES) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    text += decoder.decode(value, { stream: true });
  }
  // Not awaited: a cancelled branch of a clone settles only when the caller's branch has ended too.
  reader?.cancel().catch(() => {});
  return text;
}
