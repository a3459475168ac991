/** @module What codings a client takes, and what is asked of the upstream. Runs in: the Worker. */

/** One element of `Accept-Encoding` that takes gzip, with its weight, if any (RFC 9110 §12.5.3). */
const GZIP = /^(?:x-)?gzip(?:\s*;\s*q\s*=\s*([01](?:\.\d*)?))?$/i;
const ANY = /^\*(?:\s*;\s*q\s*=\s*([01](?:\.\d*)?))?$/;

/**
 * What the client itself says in `Accept-Encoding`; `null` where it says nothing. Cloudflare's edge, and
 * Miniflare, put a field of their own in its place, code what they answer as the client wants it, and keep
 * its own.
 */
export function acceptEncodingOf(request: Request): string | null {
  const own: unknown = request.cf?.clientAcceptEncoding;
  const field = typeof own === 'string' ? own : request.headers.get('accept-encoding');
  return field === '' ? null : field;
}

/**
 * Whether a client that says so takes gzip. One that says nothing may take anything, and mostly takes
 * nothing.
 */
export function takesGzip(acceptEncoding: string | null): boolean {
  const elements = acceptEncoding?.split(',').map((element) => element.trim()) ?? [];
  const [, weight] = firstMatch(elements, GZIP) ?? firstMatch(elements, ANY) ?? [null, '0'];
  return Number(weight ?? 1) > 0;
}

/**
 * What a keyed request asks of the upstream: gzip where the client takes it, and no other coding. A retry may
 * come from a client that takes none, and gzip is what the gateway can take off again.
 */
export function askedEncoding(acceptEncoding: string | null): string | null {
  if (acceptEncoding === null) return null;
  return takesGzip(acceptEncoding) ? 'gzip' : 'identity';
}

function firstMatch(elements: readonly string[], pattern: RegExp): RegExpExecArray | null {
  for (const element of elements) {
    const match = pattern.exec(element);
    if (match !== null) return match;
  }
  return null;
}
