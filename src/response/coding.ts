/** @module Takes gzip off a response for a client that does not take it. Runs in: the Worker. */

import type { HeaderList } from '../headers.ts';
import type { LoggedRequest } from '../log.ts';
import type { ResponseHead } from '../protocol.ts';
import { DecodedBodies } from './decoded-bodies.ts';
import type { RespondingAnswer } from './replay.ts';

/** What is true of the coded body only (RFC 9110 §8.4, RFC 9530, RFC 3230). */
const OF_THE_CODED_BODY = [
  'content-encoding',
  'content-length',
  'content-digest',
  'repr-digest',
  'digest',
  'content-md5',
];

const GZIP: readonly (string | undefined)[] = ['gzip', 'x-gzip'];
const PARTIAL_CONTENT = 206;

/** What is here whole is decoded before its head is sent, unless it grows beyond this. */
const DECODED_MAX_BYTES = 8 * 1024 * 1024;

/**
 * Whether a response is in gzip because a client took it, so that one that does not take it has to get it
 * without: the upstream says that it depends on `Accept-Encoding`. One that comes in gzip for everybody goes
 * to everybody as it came.
 */
export function isNegotiatedGzip({ status, headers }: ResponseHead): boolean {
  const members = (name: string) =>
    headers
      .find(([other]) => other === name)?.[1]
      .toLowerCase()
      .split(/\s*,\s*/) ?? [];
  const codings = members('content-encoding');
  if (codings.length !== 1 || !GZIP.includes(codings[0]) || status === PARTIAL_CONTENT) return false;
  const negotiated = members('vary').some((name) => name === '*' || name === 'accept-encoding');
  return negotiated && !members('cache-control').includes('no-transform');
}

/** Until they are sent. */
const decodedBodies = new DecodedBodies();

/**
 * The same response with its gzip taken off, and with fields that are true of it. A whole body that is not
 * what its coding says stays as it came; a stream breaks off there, and so does a whole body that there is no
 * memory to decode before its head is sent.
 *
 * @param of the request, for the log
 */
export async function withoutGzip<A extends RespondingAnswer>(answer: A, of: LoggedRequest): Promise<A> {
  const { head, body } = answer;
  const decoded =
    body instanceof Uint8Array ? await decodedWhole(body, of) : { body: gunzip(body), size: null };
  if (decoded === null) return answer;
  return { ...answer, head: { ...head, headers: plainFields(head.headers) }, ...decoded };
}

function plainFields(headers: HeaderList): HeaderList {
  return headers
    .filter(([name]) => !OF_THE_CODED_BODY.includes(name))
    .map(([name, value]) =>
      name === 'etag' && value.startsWith('"') ? [name, `W/${value}`] : [name, value],
    );
}

/** `null` where the bytes are no gzip, or hold too much. */
async function decodedWhole(
  bytes: Uint8Array,
  of: LoggedRequest,
): Promise<Pick<RespondingAnswer, 'body' | 'size'> | null> {
  const decoded = decodedBodies.begin();
  try {
    for await (const chunk of gunzip(streamOf(bytes))) {
      if (decoded.size + chunk.byteLength > DECODED_MAX_BYTES) {
        decoded.drop();
        return null;
      }
      if (!decoded.add(chunk)) {
        decoded.drop();
        return { body: gunzip(streamOf(bytes)), size: null };
      }
    }
  } catch {
    decoded.drop();
    return null;
  }
  return { body: decoded.finish(of), size: decoded.size };
}

function streamOf(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return new Response(bytes).body ?? new ReadableStream();
}

function gunzip(stream: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  return stream.pipeThrough(new DecompressionStream('gzip'));
}
