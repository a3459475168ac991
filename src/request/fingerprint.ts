import canonicalize from 'canonicalize';
import { MIMEType } from 'whatwg-mimetype';
import { sha256 } from './digest.ts';
import { partsOf } from './multipart.ts';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export interface FingerprintInput {
  /** The caller and the key that was sent, if any: who reads a stored fingerprint cannot test guesses without them. */
  readonly scope: string;
  readonly sentKey: string | null;
  readonly method: string;
  /** The URL's path as it arrived, percent-encoding and all. */
  readonly path: string;
  /** The URL's query with its `?`, or the empty string. */
  readonly query: string;
  readonly contentType: string | null;
  readonly body: Uint8Array;
}

/**
 * What makes two requests of one caller and key the same: SHA-256 over method, path, query, media type and body.
 *
 * The boundary of a multipart body is left out, as clients draw a new one for each attempt. With `json`, the order of
 * keys and white space are left out too (RFC 8785) for a body that is JSON; any other body counts byte by byte.
 */
export function fingerprintOf(input: FingerprintInput, mode: 'bytes' | 'json'): Promise<string> {
  const { scope, sentKey, method, path, query, body } = input;
  const { type, mediaType } = mediaTypeOf(input.contentType ?? '');
  const head = (form: string) =>
    `${JSON.stringify([form, scope, sentKey, method, path, query, mediaType])}\n`;

  if (type?.type === 'multipart') {
    const parts = partsOf(body, type.parameters.get('boundary') ?? '');
    if (parts !== null) {
      const lengths = JSON.stringify(parts.map((part) => part.byteLength));
      return sha256(head('multipart'), `${lengths}\n`, ...parts);
    }
  }
  if (mode === 'json' && type !== null && (type.subtype === 'json' || type.subtype.endsWith('+json'))) {
    const canonical = canonicalJson(body);
    if (canonical !== null) return sha256(head('json'), canonical);
  }
  return sha256(head('bytes'), body);
}

interface MediaType {
  /** `null` where the field is no media type. */
  readonly type: MIMEType | null;
  /** In one spelling, with its parameters in order and without a boundary. */
  readonly mediaType: string;
}

/** Most requests have the type of the one before, so it is parsed once. */
let lastParsed: MediaType & { readonly field: string } = { field: '', type: null, mediaType: '' };

function mediaTypeOf(field: string): MediaType {
  if (field === lastParsed.field) return lastParsed;
  const type = MIMEType.parse(field);
  lastParsed = { field, type, mediaType: type === null ? field : inOneSpelling(type) };
  return lastParsed;
}

function inOneSpelling(type: MIMEType): string {
  const parameters = [...type.parameters].filter(
    ([name]) => type.type !== 'multipart' || name !== 'boundary',
  );
  return JSON.stringify([type.essence, parameters.sort(([a], [b]) => (a < b ? -1 : 1))]);
}

/**
 * The RFC 8785 form of a JSON text, or `null` where that form would make different texts alike: RFC 8785 speaks of
 * I-JSON (RFC 7493), in which a number is no more exact than a double and no name stands twice in an object. A payment
 * of 9007199254740993 is not one of 9007199254740992, so such a text counts byte by byte.
 */
function canonicalJson(body: Uint8Array): string | null {
  try {
    const text = decoder.decode(body);
    let exact = true;
    let members = -1; // The text as a whole is visited as a member too.
    const value: unknown = JSON.parse(
      text,
      function (this: unknown, _, value, context?: { source?: string }) {
        if (!Array.isArray(this)) members += 1;
        if (typeof value === 'number' && !isExact(value, context?.source ?? '')) exact = false;
        return value;
      },
    );
    if (!exact || members !== membersIn(text)) return null;
    return canonicalize(value) ?? null;
  } catch {
    return null;
  }
}

/** Decimals of up to 15 digits each have a double of their own; a longer one must be how the double is written. */
const DIGITS_OF_A_DOUBLE = 15;
const SMALLEST_NORMAL_DOUBLE = 2 ** -1022;

function isExact(value: number, source: string): boolean {
  if (source === String(value)) return true;
  if (source === '') return false;
  const digits = source.replace(/e.*$/i, '').replace(/[-.]/g, '').replace(/^0+/, '');
  if (digits === '') return true;
  return (
    digits.length <= DIGITS_OF_A_DOUBLE && Number.isFinite(value) && Math.abs(value) >= SMALLEST_NORMAL_DOUBLE
  );
}

/** How many members the objects of a JSON text have, those with a name that stands twice counted twice. */
function membersIn(text: string): number {
  return text.replace(/"[^"\\]*(?:\\.[^"\\]*)*"/g, '').split(':').length - 1;
}
