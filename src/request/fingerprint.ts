/** @module What makes two requests of one key the same. Runs in: the Worker, the ledger object. */

import { MIMEType } from 'whatwg-mimetype';
import type { BodyBytes } from '../body-bytes.ts';
import { sha256 } from './digest.ts';
import { CANONICAL_MAX_BYTES, canonicalJson } from './json.ts';
import type { Follower } from './json-bytes.ts';
import { partsOf } from './multipart.ts';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** What a fingerprint is made of. */
export interface FingerprintInput {
  /**
   * The caller and the key that was sent, if any: who reads a stored fingerprint cannot test guesses without
   * them.
   */
  readonly scope: string;
  readonly sentKey: string | null;
  /**
   * Credentials that do not name the caller and must be the same all the same; `null` where there are none.
   */
  readonly bound: string | null;
  readonly method: string;
  /** The host that the client named, where the upstream gets to know it; `null` where it does not. */
  readonly host: string | null;
  /** The URL's path as it goes upstream, percent-encoding and all. */
  readonly path: string;
  /** The URL's query with its `?`, or the empty string. */
  readonly query: string;
  readonly contentType: string | null;
  /** The fields that say what is to be done with the body, see {@link whatIsAsked}. */
  readonly asked: string;
  readonly body: BodyBytes;
  /** With `json`, what {@link spellingOf} says of the body, where that has been read before. */
  readonly spelling?: Spelling | null | undefined;
}

/**
 * Fields by which an API tells two requests of one method, path and body apart: another method, the
 * operation, which part of a whole this is, what it is for, and how it is coded.
 */
const ASKING_FIELDS = [
  'content-encoding',
  'content-range',
  'dropbox-api-arg',
  'if-match',
  'if-none-match',
  'soapaction',
  'upload-offset',
  'x-amz-target',
  'x-http-method',
  'x-http-method-override',
  'x-method-override',
];

const IS_ASKING: ReadonlySet<string> = new Set(ASKING_FIELDS);

/**
 * What the fields of a request say of what is asked; the empty string where they say nothing, as most do.
 * `names` are those of all its fields.
 */
export function whatIsAsked(headers: Headers, names: readonly string[] = [...headers.keys()]): string {
  if (!names.some((name) => IS_ASKING.has(name))) return '';
  let asked = '';
  for (const name of ASKING_FIELDS) {
    const value = headers.get(name);
    if (value !== null) asked += `${JSON.stringify([name, value])},`;
  }
  return asked;
}

/** What of the body counts: its bytes, its JSON in one spelling, or nothing of the request. */
type FingerprintMode = 'bytes' | 'json' | 'none';

/** Stands between what is asked for and the bound credentials. No digest holds it. */
const BOUND_MARK = '.';

/**
 * What makes two requests of one caller and key the same: SHA-256 over method, path, query, media type and
 * body, and a digest of its own for credentials that bind it.
 *
 * The boundary of a multipart body is left out, as clients generate a new one for each attempt. With `json`,
 * a body that is JSON counts in one spelling. With `none`, nothing counts but the key. Whatever is not
 * strictly of its form counts byte by byte, with its media type as sent, so that no two requests are alike
 * here that an upstream may read as two.
 */
export async function fingerprintOf(input: FingerprintInput, mode: FingerprintMode): Promise<string> {
  const { scope, sentKey, bound } = input;
  if (bound === null) return requestDigest(input, mode);
  const [request, binding] = await Promise.all([
    requestDigest(input, mode),
    bindingOf(scope, sentKey, bound),
  ]);
  return `${request}${BOUND_MARK}${binding}`;
}

/** What credentials add to a fingerprint that bind the request without naming the caller. */
export function bindingOf(scope: string, sentKey: string | null, bound: string): Promise<string> {
  return sha256(JSON.stringify(['bound', scope, sentKey, bound]));
}

/**
 * Whether a request with this binding, or without one, has the credentials that a recorded fingerprint is
 * bound to.
 */
export function isBoundTo(fingerprint: string, binding: string | null): boolean {
  return (fingerprint.split(BOUND_MARK)[1] ?? null) === binding;
}

/**
 * What is other in a request whose fingerprint is not the one on record: what it asks for, or only the bound
 * credentials.
 */
export function differenceOf(recorded: string, sent: string): 'key-reused' | 'other-credentials' {
  return recorded.split(BOUND_MARK)[0] === sent.split(BOUND_MARK)[0] ? 'other-credentials' : 'key-reused';
}

function requestDigest(input: FingerprintInput, mode: FingerprintMode): Promise<string> {
  const { scope, sentKey, method, host, path, query, asked, body } = input;
  if (mode === 'none') return sha256(JSON.stringify(['any request', scope, sentKey]));
  const type = mediaTypeOf(input.contentType ?? '');
  const head = (form: string, mediaType: string) =>
    `${JSON.stringify([form, scope, sentKey, method, host, path, query, mediaType, asked])}\n`;

  if (type.kind === 'multipart') {
    const parts = partsOf(body, type.boundary);
    if (parts !== null) {
      const lengths = JSON.stringify(parts.map(([start, end]) => end - start));
      const bytes = parts.flatMap(([start, end]) => [...body.between(start, end)]);
      return sha256([head('multipart', type.spelling), `${lengths}\n`, ...bytes]);
    }
  }
  if (mode === 'json') {
    const { spelling = spellingOf(input) } = input;
    if (spelling !== null) return sha256([head(spelling.form, type.spelling), spelling.text]);
  }
  const mediaType = type.kind === 'multipart' ? type.field : type.spelling;
  return sha256([head('bytes', mediaType), ...body.segments]);
}

type MediaType =
  | {
      readonly kind: 'multipart';
      readonly field: string;
      readonly spelling: string;
      readonly boundary: string;
    }
  /** In one spelling, with its parameters in order; as sent where it is not strictly a media type. */
  | { readonly kind: 'json' | 'other'; readonly spelling: string };

/** Most requests have the type of the one before, so it is parsed once. */
let lastParsed: { readonly field: string; readonly type: MediaType } = {
  field: '',
  type: { kind: 'other', spelling: '' },
};

function mediaTypeOf(field: string): MediaType {
  if (field !== lastParsed.field) lastParsed = { field, type: parsed(field) };
  return lastParsed.type;
}

/**
 * RFC 9110 §8.3.1, with nothing left out, doubled or bent. What parsers mend (a parameter without a value, a
 * second boundary) they mend in different ways.
 */
const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const PARAMETER = `[ \\t]*;[ \\t]*${TOKEN}=(?:${TOKEN}|"(?:[^"\\\\]|\\\\.)*")`;
const STRICT = new RegExp(`^${TOKEN}/${TOKEN}(?:${PARAMETER})*[ \\t]*$`);
const PARAMETERS = new RegExp(PARAMETER, 'g');

function parsed(field: string): MediaType {
  const type = STRICT.test(field) ? MIMEType.parse(field) : null;
  const given = field.match(PARAMETERS)?.length ?? 0;
  if (type === null || [...type.parameters].length !== given) return { kind: 'other', spelling: field };
  const boundary = type.parameters.get('boundary');
  if (type.type === 'multipart' && boundary !== undefined) {
    return {
      kind: 'multipart',
      field,
      spelling: inOneSpelling(type, (name) => name === 'boundary'),
      boundary,
    };
  }
  const isUtf8 = /^utf-8$/i.test(type.parameters.get('charset') ?? 'utf-8');
  if (isUtf8 && (type.subtype === 'json' || type.subtype.endsWith('+json'))) {
    // RFC 8259 §11: JSON is UTF-8 and knows no such parameter, so to say so says nothing.
    return { kind: 'json', spelling: inOneSpelling(type, (name) => name === 'charset') };
  }
  return { kind: 'other', spelling: inOneSpelling(type, () => false) };
}

function inOneSpelling(type: MIMEType, leftOut: (name: string) => boolean): string {
  const parameters = [...type.parameters].filter(([name]) => !leftOut(name));
  return JSON.stringify([type.essence, parameters.sort(([a], [b]) => (a < b ? -1 : 1))]);
}

/**
 * A mark before the text that it is UTF-8 is ignored by some readers and refused by others (RFC 8259 §8.1).
 */
const BYTE_ORDER_MARK = '\ufeff';

/** A JSON body in one spelling. */
export interface Spelling {
  readonly form: 'json' | 'marked json';
  readonly text: string;
}

/**
 * The body in one spelling; `null` where it has none, as it is no JSON, does not say that it is, or is too
 * large or too deep. Whoever wants to know what it holds can follow the text meanwhile.
 */
export function spellingOf(
  { contentType, body }: Pick<FingerprintInput, 'contentType' | 'body'>,
  follower: Follower | null = null,
): Spelling | null {
  const isJson = mediaTypeOf(contentType ?? '').kind === 'json';
  return isJson && body.length <= CANONICAL_MAX_BYTES ? canonicalBody(body.whole(), follower) : null;
}

function canonicalBody(body: Uint8Array, follower: Follower | null): Spelling | null {
  let text: string;
  try {
    text = decoder.decode(body);
  } catch {
    return null;
  }
  const marked = text.startsWith(BYTE_ORDER_MARK);
  const canonical = canonicalJson(marked ? text.slice(1) : text, follower);
  return canonical === null ? null : { form: marked ? 'marked json' : 'json', text: canonical };
}
