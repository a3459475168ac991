/** @module A stream by which the ledger knows that a client has left. Runs in: the Worker. */

/**
 * A stream that says nothing, and breaks off when the client has its whole answer, or has left. A Worker
 * whose client leaves is ended by the platform without a word, and can call nobody any more; but what it has
 * opened breaks off then, for whoever reads it.
 */
export function presenceOf(): ReadableStream<Uint8Array> {
  return new IdentityTransformStream().readable;
}
