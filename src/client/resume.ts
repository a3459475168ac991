/** @module Continues a recorded response whose body broke off. Runs in: any runtime. */

import { wait } from './abort.ts';
import { BrokenBodyError } from './errors.ts';
import type { RetryCause } from './options.ts';
import { Prefix } from './prefix.ts';
import { provenance } from './recorded.ts';
import { withBody } from './response.ts';
import { backoffMs, type RetryTiming } from './retry.ts';

/** What continuing a body needs of the call that it belongs to. */
export interface Continuation {
  readonly key: string;
  readonly signal: AbortSignal | undefined;
  /**
   * Sends the request again, with its key and its retries, until the signal says stop; rejects when they are
   * used up.
   */
  readonly again: (signal: AbortSignal) => Promise<Response>;
  readonly timing: RetryTiming;
  readonly onBreak: (retry: number, delayMs: number, cause: RetryCause) => void;
}

/**
 * The same response with a body that survives a broken connection. When it breaks off, the request is sent
 * again with its key, the bytes already read are skipped, and reading goes on; at most `maxRetries` times a
 * response.
 *
 * Sent again only if the first response says that it is being recorded: otherwise asking might execute twice.
 * Joined only if the second one says that it is that record, has the same status and media type, and begins
 * with exactly the bytes already handed out. So what was read is always one response, never two halves. Bytes
 * are counted after `Content-Encoding` was undone, as `fetch` gives no others.
 */
export function continuable(response: Response, continuation: Continuation): Response {
  if (response.body === null || provenance(response.headers) === 'unknown') return response;
  const body = new ContinuedBody(response, response.body, continuation);
  return withBody(
    response,
    new ReadableStream<Uint8Array>(
      { pull: (controller) => body.pull(controller), cancel: (reason) => body.cancel(reason) },
      // Nothing is read ahead of the reader.
      { highWaterMark: 0 },
    ),
  );
}

class ContinuedBody {
  readonly #first: Response;
  readonly #continuation: Continuation;
  readonly #read = new Prefix();
  readonly #cancelled = new AbortController();
  #reader: ReadableStreamDefaultReader<Uint8Array>;
  #breaks = 0;

  constructor(first: Response, body: ReadableStream<Uint8Array>, continuation: Continuation) {
    this.#first = first;
    this.#continuation = continuation;
    this.#reader = body.getReader();
  }

  async pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    const chunk = await this.#next();
    if (chunk === undefined) return controller.close();
    this.#read.add(chunk);
    controller.enqueue(chunk);
  }

  async cancel(reason: unknown): Promise<void> {
    this.#cancelled.abort(reason);
    // A body that has broken off already has nothing left to cancel, and says so by rejecting.
    await this.#reader.cancel(reason).catch(() => {});
  }

  /** The next bytes not handed out before, from whichever connection has them; `undefined` at the end. */
  async #next(): Promise<Uint8Array | undefined> {
    let skipping: Prefix | undefined;
    for (;;) {
      try {
        const { done, value } = await this.#reader.read();
        if (skipping === undefined) {
          if (done) return undefined;
          if (value.byteLength > 0) return value;
          continue;
        }
        const missing = this.#read.byteLength - skipping.byteLength;
        if (done && missing > 0) throw this.#otherResponse('it is shorter than what was read already');
        if (value) skipping.add(value.subarray(0, missing));
        if (skipping.byteLength < this.#read.byteLength) continue;
        if (!skipping.equals(this.#read)) throw this.#otherResponse('it begins with other bytes');
        skipping = undefined;
        if (done) return undefined;
        if (value.byteLength > missing) return value.subarray(missing);
      } catch (error) {
        if (error instanceof BrokenBodyError) {
          this.#reader.cancel(error).catch(() => {});
          throw error;
        }
        this.#reader = await this.#reopen(error);
        skipping = new Prefix();
      }
    }
  }

  async #reopen(cause: unknown): Promise<ReadableStreamDefaultReader<Uint8Array>> {
    const { timing, again, onBreak } = this.#continuation;
    const signal = this.#stopped();
    signal.throwIfAborted();
    this.#breaks += 1;
    if (this.#breaks > timing.maxRetries) throw this.#exhausted('it broke off too often', cause);
    const delayMs = backoffMs(this.#breaks, timing);
    onBreak(this.#breaks, delayMs, { kind: 'body', error: cause, bytesRead: this.#read.byteLength });
    await wait(delayMs, signal);
    let response: Response;
    try {
      response = await again(signal);
    } catch (error) {
      signal.throwIfAborted();
      throw this.#exhausted('asking for it again failed', error);
    }
    const difference = this.#difference(response);
    if (difference === undefined && response.body) return response.body.getReader();
    response.body?.cancel().catch(() => {});
    throw this.#otherResponse(difference ?? 'it has no body');
  }

  /** Aborted when the caller aborts the request, or whoever reads the body cancels it. */
  #stopped(): AbortSignal {
    const { signal } = this.#continuation;
    return signal ? AbortSignal.any([signal, this.#cancelled.signal]) : this.#cancelled.signal;
  }

  #difference(response: Response): string | undefined {
    if (response.status !== this.#first.status) return `its status is ${response.status}`;
    const mediaType = response.headers.get('content-type');
    if (mediaType !== this.#first.headers.get('content-type')) return `its media type is ${mediaType}`;
    // Before the first byte any execution's body will do: nothing of another one was handed out.
    if (this.#read.byteLength === 0) return undefined;
    const from = provenance(response.headers);
    return from === 'recorded' || from === 'collapsed' ? undefined : 'it is a new execution';
  }

  #exhausted(why: string, cause: unknown): BrokenBodyError {
    return this.#broken('exhausted', `could not be continued: ${why}`, cause);
  }

  #otherResponse(why: string): BrokenBodyError {
    return this.#broken('other-response', `was not continued with another response: ${why}`, undefined);
  }

  #broken(reason: BrokenBodyError['reason'], what: string, cause: unknown): BrokenBodyError {
    const { key } = this.#continuation;
    const bytesRead = this.#read.byteLength;
    return new BrokenBodyError(`The response body broke off after ${bytesRead} bytes and ${what}.`, {
      reason,
      key,
      bytesRead,
      cause,
    });
  }
}
