/** @module One call of the fetch, made ready to be sent more than once. Runs in: any runtime. */

import { checkIsKey, checkMadeKey } from './key-syntax.ts';
import type { Settings } from './options.ts';
import { BODY_HEADERS, followWithinOrigin, type Stop, showsRedirects } from './redirect.ts';
import { repeatableBody } from './request-body.ts';

/** One call of the fetch, made ready to be sent more than once with the same key and the same bytes. */
export interface Call {
  /** The idempotency key, as sent; `undefined` for a method that gets none. */
  readonly key: string | undefined;
  readonly method: string;
  readonly url: string;
  /** Whether sending it again is safe: it has a key, or its method is idempotent by itself. */
  readonly repeatable: boolean;
  /** The caller's own signal. */
  readonly signal: AbortSignal | undefined;
  /** The request as a whole, to look at. It is never sent itself. */
  readonly request: Request;
  readonly send: (signal: AbortSignal) => Promise<Response>;
  /** Sends a GET in the same way, with the same key and credentials, to another URL. */
  readonly get: (url: string, signal: AbortSignal) => Promise<Response>;
}

/** A call that has its key. */
export type KeyedCall = Call & { readonly key: string };

/** How long a server is given to have the response at once, before it is asked for later. */
const WAIT_AT_ONCE_SECONDS = 10;

/** What a request says for which `async` is set (RFC 7240 §4.1, §4.3). */
const PREFER_LATER = `respond-async, wait=${WAIT_AT_ONCE_SECONDS}`;

/** RFC 9110 §9.2.2. */
const IDEMPOTENT_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

/**
 * Reads what `fetch` was called with. A one-shot body is read into memory here, as it could not be sent
 * twice.
 *
 * @throws {TypeError} as `fetch` does for a request that makes no sense; a streamed body over
 * `maxRequestBytes`; a key that no server would take
 */
export async function prepareCall(
  input: string | URL | Request,
  init: RequestInit | undefined,
  settings: Settings,
): Promise<Call> {
  const given = input instanceof Request ? input : undefined;
  const signal = (init?.signal === undefined ? given?.signal : init.signal) ?? undefined;
  signal?.throwIfAborted();
  const headers = new Headers(init?.headers ?? given?.headers);
  const method = (init?.method ?? given?.method ?? 'GET').toUpperCase();
  const keyed = settings.needsKey(method) || headers.has(settings.keyHeader);
  const body = await repeatableBody(init?.body, given, keyed ? settings.maxRequestBytes : undefined, signal);

  // The standard's own constructor refuses what fetch would refuse, before a refusal could pass for a network
  // error.
  const described = {
    ...init,
    method,
    headers,
    signal: null,
    body: body.kind === 'repeatable' ? body.value : null,
  };
  const request = new Request(given ? given.url : input, described);

  const key = keyed ? await keyOf(headers, request, settings) : undefined;
  if (key !== undefined) headers.set(settings.keyHeader, key);
  if (key !== undefined && settings.async) headers.append('prefer', PREFER_LATER);
  if (key !== undefined && (init?.mode ?? given?.mode) === 'no-cors') {
    throw new TypeError(`mode: a no-cors request cannot carry ${settings.keyHeader}`);
  }
  const sent = {
    ...init,
    headers,
    ...(body.kind === 'repeatable' && body.value !== null && { body: body.value }),
  };
  // Apart from the settings: a runtime's own fetch refuses to be called as a method of another object.
  const { fetch: sendOnce, keyHeader } = settings;
  // Input and init are passed on as they came: runtimes put options of their own there (dispatcher, cf, next,
  // …).
  const sendHere = (how: RequestInit) => sendOnce(input, { ...sent, ...how });
  const here: Stop = { url: request.url, method, headers, body: sent.body ?? null };
  const redirect = init?.redirect ?? given?.redirect ?? 'follow';
  const followed = key !== undefined && redirect === 'follow' && showsRedirects();
  return {
    key,
    method,
    url: request.url,
    repeatable: keyed || (IDEMPOTENT_METHODS.has(method) && body.kind === 'repeatable'),
    signal,
    request,
    get: (url, signal) => {
      const asking = new Headers(headers);
      for (const name of [...BODY_HEADERS, 'prefer']) asking.delete(name);
      return sendOnce(url, {
        ...init,
        method: 'GET',
        headers: asking,
        body: null,
        redirect: 'manual',
        signal,
      });
    },
    send: (attemptSignal) => {
      if (!followed) return sendHere({ signal: attemptSignal });
      const how = { signal: attemptSignal, redirect: 'manual' } as const;
      return followWithinOrigin(here, keyHeader, (stop) => {
        if (stop === here) return sendHere(how);
        const { url, ...there } = stop;
        return sendOnce(url, { ...init, ...there, ...how });
      });
    },
  };
}

async function keyOf(headers: Headers, request: Request, settings: Settings): Promise<string> {
  const given = headers.get(settings.keyHeader);
  return given === null ? checkMadeKey(await settings.key(request)) : checkIsKey(given);
}
