/**
 * @module The head of a handler's response on its way to the ledger, past the middleware that runs for every
 * request and whose part in it is not to be recorded. Runs in: the Worker, the ledger object.
 */

import { appendAll, type HeaderList } from './headers.ts';

/**
 * Holds the response's head while it passes the middleware that runs for every request, and is not to be
 * recorded.
 */
const HEAD_FIELD = 'oncegate-response-head';

/** By these the runtime knows how the body is coded and how long it is, so they go with the body. */
const OF_THE_BODY = ['content-encoding', 'content-length'];

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * Puts a response's head away, so that what other middleware does to its fields on the way out is not taken
 * for the handler's. What is left gives that middleware no reason to change the body.
 */
export function packHead(response: Response): Response {
  const { status, headers } = response;
  // No response that can be made anew: an upgrade, or an error of the network.
  if (status < 200) return response;
  const list: HeaderList = [...headers].filter(([name]) => !OF_THE_BODY.includes(name));
  // Made from the response itself, of which it keeps how the body is coded.
  const packed = new Response(response.body, response);
  for (const [name] of list) packed.headers.delete(name);
  packed.headers.set('content-type', 'application/octet-stream');
  packed.headers.set('cache-control', 'no-transform');
  packed.headers.set(HEAD_FIELD, encoder.encode(JSON.stringify([status, list])).toBase64());
  return packed;
}

/** The response with the head that was put away; `null` where nothing was. */
export function unpackHead(response: Response): Response | null {
  const field = response.headers.get(HEAD_FIELD);
  if (field === null) return null;
  const [status, list]: [number, HeaderList] = JSON.parse(decoder.decode(Uint8Array.fromBase64(field)));
  const unpacked = new Response(response.body, { status, encodeBody: 'manual' });
  appendAll(unpacked.headers, list);
  for (const name of OF_THE_BODY) {
    const value = response.headers.get(name);
    if (value !== null) unpacked.headers.set(name, value);
  }
  return unpacked;
}
