/** @module A request body that can be sent again. Runs in: any runtime. */

import { until } from './abort.ts';
import { collect } from './collect.ts';

type SentBody = NonNullable<RequestInit['body']>;

/** A request body that can be sent again, or one that can be sent only once and is left where it was. */
export type RequestBody =
  | { readonly kind: 'repeatable'; readonly value: SentBody | null }
  | { readonly kind: 'one-shot' };

/** Node's fetch takes any async iterable; the standard knows only streams. */
type OneShotBody = ReadableStream<unknown> | AsyncIterable<unknown>;

/**
 * The body of a call as it is now, so that nothing the caller does afterwards to its buffer or form changes a
 * retry. A stream is read into memory up to `maxBytes`, or left alone when that is `undefined`.
 *
 * @throws {TypeError} the body is used up already, holds something other than bytes, or is longer than
 * `maxBytes`
 */
export async function repeatableBody(
  body: RequestInit['body'],
  request: Request | undefined,
  maxBytes: number | undefined,
  signal: AbortSignal | undefined,
): Promise<RequestBody> {
  const taken = body ?? (request && bodyOf(request)) ?? null;
  if (!isOneShot(taken)) return { kind: 'repeatable', value: snapshot(taken) };
  if (maxBytes === undefined) return { kind: 'one-shot' };
  return { kind: 'repeatable', value: await readWhole(taken, maxBytes, signal) };
}

function bodyOf(request: Request): ReadableStream<unknown> | AsyncIterable<unknown> | null {
  if (request.bodyUsed) throw new TypeError('input: the body of this Request has been read already');
  const bodyless = request.method === 'GET' || request.method === 'HEAD';
  if (request.body !== undefined || bodyless) return request.body;
  // Some browsers have no Request.body. Taken for null, the bodies of their requests would be lost.
  return {
    async *[Symbol.asyncIterator]() {
      yield new Uint8Array(await request.arrayBuffer());
    },
  };
}

function isOneShot(body: unknown): body is OneShotBody {
  if (typeof body !== 'object' || body === null) return false;
  return body instanceof ReadableStream || Symbol.asyncIterator in body;
}

function snapshot(body: SentBody | null): SentBody | null {
  if (body instanceof URLSearchParams) return new URLSearchParams(body);
  if (body instanceof ArrayBuffer) return body.slice(0);
  if (ArrayBuffer.isView(body)) return new Uint8Array(body.buffer, body.byteOffset, body.byteLength).slice();
  if (body instanceof FormData) {
    const copy = new FormData();
    for (const [name, value] of body) {
      if (typeof value === 'string') copy.append(name, value);
      else copy.append(name, value, value.name);
    }
    return copy;
  }
  return body;
}

async function readWhole(
  body: OneShotBody,
  maxBytes: number,
  signal: AbortSignal | undefined,
): Promise<SentBody> {
  const source = open(body);
  const tooLong = () =>
    new TypeError(
      `maxRequestBytes: the streamed body is longer than the ${maxBytes} bytes kept for a retry; raise it or send a Blob`,
    );
  const next = async () => {
    const { done, value } = await until(source.next(), signal);
    return done ? { done } : { value: asBytes(value) };
  };
  return collect(next, maxBytes, tooLong).catch((error) => {
    source.cancel(error);
    throw error;
  });
}

interface Source {
  readonly next: () => Promise<{ done?: boolean | undefined; value?: unknown }>;
  readonly cancel: (reason: unknown) => void;
}

function open(body: OneShotBody): Source {
  if (!(body instanceof ReadableStream)) {
    const iterator = body[Symbol.asyncIterator]();
    return { next: () => iterator.next(), cancel: () => void iterator.return?.().catch(() => {}) };
  }
  // Response refuses a stream that was read from before; a reader would just find it empty.
  const reader = new Response(body as ReadableStream<Uint8Array<ArrayBuffer>>).body?.getReader();
  return {
    next: async () => (reader ? await reader.read() : { done: true }),
    cancel: (reason) => void reader?.cancel(reason).catch(() => {}),
  };
}

function asBytes(chunk: unknown): Uint8Array<ArrayBuffer> {
  if (typeof chunk === 'string') return new TextEncoder().encode(chunk);
  if (chunk instanceof Uint8Array) return new Uint8Array(chunk);
  throw new TypeError('body: a streamed body may hold only Uint8Array chunks');
}
