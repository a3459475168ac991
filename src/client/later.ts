/** @module Fetches the result of a request that was accepted and still runs. Runs in: any runtime. */

import { wait } from './abort.ts';
import type { KeyedCall } from './call.ts';
import { RetriesExhaustedError } from './errors.ts';
import type { Settings } from './options.ts';
import { backoffMs, retryAfterMs } from './retry.ts';

/** A server that says nothing for so long is taken for gone, where no `totalTimeoutMs` says otherwise. */
const GONE_AFTER_MS = 15 * 60_000;

/** The longest wait for one answer, which is «not yet» or has a recorded response's head. */
const ANSWER_WITHIN_MS = 30_000;

/**
 * Where the result of a request can be fetched that was accepted and runs; `undefined` where the response is
 * the result.
 */
export function laterAt(response: Response, url: string): URL | undefined {
  const location = response.headers.get('location');
  const applied = /(?:^|[\s,])respond-async(?:$|[\s,;])/i.test(
    response.headers.get('preference-applied') ?? '',
  );
  if (response.status !== 202 || !applied || location === null) return undefined;
  try {
    const at = new URL(location, url);
    // Key and credentials go along, so they go nowhere else.
    return at.origin === new URL(url).origin ? at : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Asks for the result until it is there, through whatever time the network is away. `undefined` where the
 * server knows of none: then the request is to be sent again. Polls no sooner than the server asks for.
 *
 * @throws the caller's abort reason; {@link RetriesExhaustedError} where there is no result until `deadline`
 * (of `performance.now()`)
 */
export async function fetchLater(
  call: KeyedCall,
  accepted: Response,
  at: URL,
  settings: Settings,
  deadline: number,
): Promise<Response | undefined> {
  let heard = performance.now();
  let last: Response | undefined = accepted;
  let cause: unknown = new DOMException('no result in time', 'TimeoutError');
  for (let silent = 0; ; ) {
    const askedMs = last === undefined ? undefined : retryAfterMs(last.headers, Date.now());
    const delayMs = Math.max(
      Math.min(askedMs ?? 0, settings.maxRetryAfterMs),
      backoffMs(Math.min(silent + 1, 10), settings),
    );
    last?.body?.cancel().catch(() => {});
    const gone = performance.now() - heard > GONE_AFTER_MS;
    if (gone || performance.now() + delayMs >= deadline) {
      const { origin, pathname } = new URL(call.url);
      const message = `${call.method} ${origin}${pathname} was accepted, and its result did not come in time.`;
      const reason = silent > 0 ? 'network' : 'timeout';
      throw new RetriesExhaustedError(message, {
        reason,
        key: call.key,
        attempts: 1,
        lastResponse: accepted,
        cause,
      });
    }
    await wait(delayMs, call.signal);
    try {
      last = await ask(call, at);
    } catch (reason) {
      call.signal?.throwIfAborted();
      cause = reason;
      last = undefined;
      silent += 1;
      continue;
    }
    heard = performance.now();
    silent = 0;
    if (last.status === 404 && (await isAbsent(last))) return undefined;
    if (laterAt(last, call.url) === undefined && !MAY_PASS.has(last.status)) return last;
  }
}

/** Answers that tell nothing of the result. */
const MAY_PASS: ReadonlySet<number> = new Set([429, 502, 503, 504]);

function ask(call: KeyedCall, at: URL): Promise<Response> {
  const limit = AbortSignal.timeout(ANSWER_WITHIN_MS);
  return call.get(at.href, call.signal ? AbortSignal.any([call.signal, limit]) : limit);
}

async function isAbsent(response: Response): Promise<boolean> {
  try {
    const problem: unknown = await response.clone().json();
    return (
      typeof problem === 'object' &&
      problem !== null &&
      'type' in problem &&
      typeof problem.type === 'string' &&
      problem.type.endsWith('/problems/result-absent')
    );
  } catch {
    return false;
  }
}
