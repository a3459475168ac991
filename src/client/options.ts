/** @module The options of `idempotentFetch`: what they are, and that they are right. Runs in: any runtime. */

import { checkInteger, checkOptionalFunction, checkOptionalStore, MAX_TIMER_MS } from './checks.ts';
import { randomKey } from './keys.ts';
import type { RetryTiming } from './retry.ts';
import type { ResultStore } from './store.ts';

/**
 * What went wrong before a retry: an answer worth another try, no answer, or a body that broke off on the
 * way.
 */
export type RetryCause =
  | { readonly kind: 'status'; readonly response: Response }
  | { readonly kind: 'network' | 'timeout'; readonly error: unknown }
  | { readonly kind: 'body'; readonly error: unknown; readonly bytesRead: number };

/** Handed to `onRetry` before each wait. */
export interface RetryEvent {
  readonly key: string | undefined;
  readonly method: string;
  readonly url: string;
  /** The retry about to be made, from 1. For a broken body it counts from 1 again. */
  readonly retry: number;
  readonly delayMs: number;
  readonly cause: RetryCause;
}

/** Handed to `onReplay` when the response is a recorded one. */
export interface ReplayEvent {
  readonly key: string;
  readonly response: Response;
  /** Who remembered: the server (or the gateway before it), or the client's own store. */
  readonly from: 'server' | 'store';
}

/**
 * Handed to `onUnrecorded`: the response reached the caller, but a later call with this key will execute
 * again.
 */
export interface UnrecordedEvent {
  readonly key: string;
  readonly error: unknown;
}

/** Options of `idempotentFetch`. Times are milliseconds, sizes are bytes. */
export interface IdempotentFetchOptions {
  /** The fetch that sends each attempt. Default: the global one. */
  readonly fetch?: typeof fetch;
  /** Header that carries the key. Default `Idempotency-Key`. */
  readonly keyHeader?: string;
  /**
   * Makes the key of a request that has none. Default {@link randomKey}; `requestKey` gives equal requests
   * equal keys. It may be asynchronous and may read the request through `clone()` only.
   */
  readonly key?: (request: Request) => string | Promise<string>;
  /**
   * Methods that get a key. Default: every method but GET, HEAD, OPTIONS and TRACE. A gateway or API that
   * does not know the key on, say, PUT ignores it. A method left out is retried only if RFC 9110 §9.2.2 calls
   * it idempotent.
   */
  readonly methods?: readonly string[];
  /** Retries after the first attempt. Default 4; 0 turns retrying and resuming off. */
  readonly maxRetries?: number;
  /** Bound of the first random delay; it doubles with each retry. Default 500. */
  readonly baseDelayMs?: number;
  /** Bound of every random delay. Default 30 000. */
  readonly maxDelayMs?: number;
  /** Longest `Retry-After` waited for. A server that asks for more gets no retry. Default 60 000. */
  readonly maxRetryAfterMs?: number;
  /** Longest wait for the head of one attempt's response. Default: none. */
  readonly attemptTimeoutMs?: number;
  /**
   * Longest time from the first attempt to the head of the response, all attempts and waits included.
   * Default: none.
   */
  readonly totalTimeoutMs?: number;
  /** Longest streamed request body; it is kept in memory for the retries. Default 10 485 760. */
  readonly maxRequestBytes?: number;
  /**
   * Throw a `RetriesExhaustedError` for a retryable status at the end, instead of returning it. Default
   * `false`.
   */
  readonly throwWhenExhausted?: boolean;
  /**
   * Let the gateway answer «it runs» and come back for the result (its route needs `RESPOND_ASYNC`), so that
   * a call of minutes survives a network that goes away meanwhile. Anything else than a 202 of the gateway's
   * is returned as ever. Default `false`.
   */
  readonly async?: boolean;
  /** Continue a recorded response whose body breaks off. Default `true`. */
  readonly resume?: boolean;
  /** Remembers successful responses on this side, for an API that knows no idempotency. Default: none. */
  readonly store?: ResultStore;
  /**
   * Says who is calling, for `store`: callers of two names never see each other's responses. Default: every
   * header that says credential or account, and the cookies, as far as the request shows them. Give it where
   * the request does not show who is calling (a browser's cookies; credentials that `fetch` adds, or a client
   * certificate), or where what it shows changes (a token that is renewed, a signature). What it returns is
   * then all that counts.
   */
  readonly caller?: (request: Request) => string | Promise<string>;
  /** Called before each wait. Throwing gives up with what was thrown. */
  readonly onRetry?: (event: RetryEvent) => void;
  /** Called before a recorded response is returned. */
  readonly onReplay?: (event: ReplayEvent) => void;
  /** Called when a successful response could not be put into `store`. */
  readonly onUnrecorded?: (event: UnrecordedEvent) => void;
}

/** The options, checked and complete. */
export interface Settings extends RetryTiming {
  readonly fetch: typeof fetch;
  readonly keyHeader: string;
  readonly key: (request: Request) => string | Promise<string>;
  readonly needsKey: (method: string) => boolean;
  readonly attemptTimeoutMs: number;
  readonly totalTimeoutMs: number;
  readonly maxRequestBytes: number;
  readonly throwWhenExhausted: boolean;
  readonly async: boolean;
  readonly resume: boolean;
  readonly store: ResultStore | undefined;
  readonly caller: ((request: Request) => string | Promise<string>) | undefined;
  readonly onRetry: ((event: RetryEvent) => void) | undefined;
  readonly onReplay: ((event: ReplayEvent) => void) | undefined;
  readonly onUnrecorded: ((event: UnrecordedEvent) => void) | undefined;
}

const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

/** RFC 9110 §5.6.2: what a header name and a method are made of. */
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;

const DEFAULT_MAX_RETRIES = 4;
const DEFAULT_BASE_DELAY_MS = 500;
const DEFAULT_MAX_DELAY_MS = 30_000;
const DEFAULT_MAX_RETRY_AFTER_MS = 60_000;
const DEFAULT_MAX_REQUEST_BYTES = 10_485_760;
/** More retries than this is a loop, not a retry. */
const MOST_RETRIES = 100;

/**
 * The options with their defaults.
 *
 * @throws {TypeError} naming the option that makes no sense
 */
export function readOptions(options: IdempotentFetchOptions): Settings {
  for (const name of ['fetch', 'key', 'caller', 'onRetry', 'onReplay', 'onUnrecorded'] as const) {
    checkOptionalFunction(name, options[name]);
  }
  checkOptionalStore('store', options.store);
  const keyHeader = options.keyHeader ?? 'Idempotency-Key';
  if (!TOKEN.test(keyHeader)) throw new TypeError('keyHeader: not a header name');
  return {
    // Looked up at each call, so that a global fetch replaced later (tests, instrumentation) is the one used.
    fetch: options.fetch ?? ((input, init) => globalThis.fetch(input, init)),
    keyHeader,
    key: options.key ?? randomKey,
    needsKey: readMethods(options.methods),
    maxRetries: checkInteger('maxRetries', options.maxRetries ?? DEFAULT_MAX_RETRIES, 0, MOST_RETRIES),
    baseDelayMs: checkInteger('baseDelayMs', options.baseDelayMs ?? DEFAULT_BASE_DELAY_MS, 0, MAX_TIMER_MS),
    maxDelayMs: checkInteger('maxDelayMs', options.maxDelayMs ?? DEFAULT_MAX_DELAY_MS, 0, MAX_TIMER_MS),
    maxRetryAfterMs: checkInteger(
      'maxRetryAfterMs',
      options.maxRetryAfterMs ?? DEFAULT_MAX_RETRY_AFTER_MS,
      0,
      MAX_TIMER_MS,
    ),
    attemptTimeoutMs: readTimeout('attemptTimeoutMs', options.attemptTimeoutMs),
    totalTimeoutMs: readTimeout('totalTimeoutMs', options.totalTimeoutMs),
    maxRequestBytes: checkInteger('maxRequestBytes', options.maxRequestBytes ?? DEFAULT_MAX_REQUEST_BYTES, 0),
    throwWhenExhausted: readFlag('throwWhenExhausted', options.throwWhenExhausted, false),
    async: readFlag('async', options.async, false),
    resume: readFlag('resume', options.resume, true),
    store: options.store,
    caller: options.caller,
    onRetry: options.onRetry,
    onReplay: options.onReplay,
    onUnrecorded: options.onUnrecorded,
  };
}

function readMethods(methods: unknown): (method: string) => boolean {
  if (methods === undefined) return (method) => !SAFE_METHODS.has(method);
  if (
    !Array.isArray(methods) ||
    !methods.every((method) => typeof method === 'string' && TOKEN.test(method))
  ) {
    throw new TypeError('methods: expected a list of method names such as ["POST", "PATCH"]');
  }
  const named: ReadonlySet<string> = new Set(methods.map((method: string) => method.toUpperCase()));
  return (method) => named.has(method);
}

function readTimeout(name: string, value: unknown): number {
  return value === undefined ? Number.POSITIVE_INFINITY : checkInteger(name, value, 1, MAX_TIMER_MS);
}

function readFlag(name: string, value: unknown, byDefault: boolean): boolean {
  if (value === undefined) return byDefault;
  if (typeof value !== 'boolean') throw new TypeError(`${name}: expected true or false`);
  return value;
}
