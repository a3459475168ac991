/** @module The request with a body that can still be read. Runs in: the Worker. */

import type { HonoRequest } from 'hono';
import { withBody } from '../request/body.ts';

/**
 * In these forms a body that was read can be had again as it came; a form’s parts cannot. What is read as
 * JSON is kept as text.
 */
const SAME_AGAIN = ['text', 'arrayBuffer', 'blob', 'bytes'];

/**
 * The request with a body that can be read, whatever middleware before has done to it: read it (to verify a
 * signature), or put a stream of its own in its place (to limit its size). Throws where that has kept nothing
 * that it could be made from.
 */
export async function readableRequest(req: HonoRequest): Promise<Request> {
  const request = req.raw;
  if (request.bodyUsed) return withBody(request, await bodyAgain(req));
  // Of a stream with a length nobody has made another one.
  if (request.headers.has('content-length') || request.body === null) return request;
  return isOfBytes(request.body) ? request : withBody(request, request.body.pipeThrough(asBytes()));
}

async function bodyAgain(req: HonoRequest): Promise<ArrayBuffer> {
  const kept = Object.keys(req.bodyCache);
  if (!kept.some((form) => SAME_AGAIN.includes(form))) {
    throw new Error(
      'idempotency(): middleware before it has read the request’s body in a way that leaves none of it. Let it read c.req.arrayBuffer() or c.req.text() first, or put it after idempotency().',
    );
  }
  return req.arrayBuffer();
}

function isOfBytes(stream: ReadableStream): boolean {
  try {
    stream.getReader({ mode: 'byob' }).releaseLock();
    return true;
  } catch {
    return false;
  }
}

function asBytes(): ReadableWritablePair<Uint8Array, Uint8Array> {
  return new IdentityTransformStream();
}
