/** @module A response as bytes in a store. Runs in: any runtime. */

import { markReplayed } from './recorded.ts';
import { withOrigin } from './response.ts';

/** What a key stands for, as digests: used again for anything else, it is refused. */
export interface Identity {
  /** Of the request: method, URL, media type and body. */
  readonly fingerprint: string;
  /** Of the credentials that bind it without naming the caller, or `null`. */
  readonly bound: string | null;
}

/** A response as a {@link ResultStore} keeps it, with the identity of the request that it answered. */
export interface StoredResponse extends Identity {
  readonly url: string;
  readonly status: number;
  readonly statusText: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array<ArrayBuffer>;
}

/** They describe the bytes on the wire; what is stored was decoded by `fetch`. */
const WIRE_HEADERS: ReadonlySet<string> = new Set([
  'content-encoding',
  'content-length',
  'transfer-encoding',
]);

/** Statuses that a constructed response may not give a body (Fetch standard, "null body status"). */
const NULL_BODY_STATUSES: ReadonlySet<number> = new Set([204, 205, 304]);

/** Longest response body recorded, in bytes; the gateway's own bound. */
export const MAX_RECORD_BYTES = 26_148_864;

const LENGTH_BYTES = 4;

/** The response's head, with the body that was read from it. */
export function storedFrom(
  response: Response,
  body: Uint8Array<ArrayBuffer>,
  { fingerprint, bound }: Identity,
): StoredResponse {
  const { url, status, statusText } = response;
  const headers = [...response.headers].filter(([name]) => !WIRE_HEADERS.has(name));
  return { fingerprint, bound, url, status, statusText, headers, body };
}

/** A response like the one stored; one that was a success is marked as a replay. */
export function toResponse(stored: StoredResponse): Response {
  const { url, status, statusText } = stored;
  const headers = new Headers();
  for (const [name, value] of stored.headers) headers.append(name, value);
  const body = NULL_BODY_STATUSES.has(status) ? null : stored.body;
  const response = new Response(body, { status, statusText, headers });
  if (response.ok) markReplayed(response.headers);
  return withOrigin(response, { url, redirected: false, type: 'default' });
}

/** The length of the head (four bytes, big-endian), the head as JSON, and the body's bytes as they are. */
export function encodeStored({ body, ...head }: StoredResponse): Uint8Array {
  const headBytes = new TextEncoder().encode(JSON.stringify(head));
  const bytes = new Uint8Array(LENGTH_BYTES + headBytes.byteLength + body.byteLength);
  new DataView(bytes.buffer).setUint32(0, headBytes.byteLength);
  bytes.set(headBytes, LENGTH_BYTES);
  bytes.set(body, LENGTH_BYTES + headBytes.byteLength);
  return bytes;
}

/** The reverse of {@link encodeStored}. */
export function decodeStored(bytes: Uint8Array): StoredResponse {
  const bodyAt = LENGTH_BYTES + new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  const head = JSON.parse(new TextDecoder().decode(bytes.subarray(LENGTH_BYTES, bodyAt)));
  return { ...head, body: new Uint8Array(bytes.subarray(bodyAt)) };
}
