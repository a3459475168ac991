/** @module The operator's secret. Runs in: the Worker. */

import { auth } from 'hono/utils/basic-auth';

const encoder = new TextEncoder();

/** Stands between a scheme and a token, between two tokens, or around one. */
const APART = /[\s,;"':]+|=(?=")/;

/**
 * The operator's secret, and the comparison with it. Texts of one length are compared in constant time. Texts
 * of other lengths are not compared at all, so time tells an attacker the token's length and nothing else.
 * Nothing is digested here: every request with an `Authorization` is checked, and that is most of them.
 */
export class AdminToken {
  readonly #bytes: Uint8Array;
  readonly #length: number;

  constructor(token: string) {
    this.#bytes = encoder.encode(token);
    this.#length = token.length;
  }

  /** Whether this is the token. */
  is(presented: string): boolean {
    return presented.length === this.#length && this.#same(presented);
  }

  /**
   * Whether a field of the request is the token, or its `Authorization` carries it: under any scheme or none,
   * among parameters, quoted, or as the name or the password of Basic.
   */
  isCarriedBy({ headers }: Request): boolean {
    for (const value of headers.values()) {
      if (this.is(value)) return true;
    }
    const authorization = headers.get('authorization');
    if (authorization === null || authorization.length < this.#length) return false;
    const texts = [authorization, ...basicTexts(authorization)];
    return texts.some((text) => text.split(APART).some((part) => this.is(part)) || this.#ends(text));
  }

  /** A token may itself hold what stands between tokens, such as the `=` at the end of base64. */
  #ends(text: string): boolean {
    const end = text.trimEnd().replace(/["';,]+$/, '');
    return this.is(end.slice(-this.#length)) || this.is(text.slice(0, this.#length));
  }

  #same(text: string): boolean {
    const bytes = encoder.encode(text);
    return bytes.byteLength === this.#bytes.byteLength && crypto.subtle.timingSafeEqual(bytes, this.#bytes);
  }
}

/** The token that a program presents: as Bearer (RFC 6750). */
export function bearerToken(request: Request): string | null {
  const [, token] = /^Bearer +(\S+) *$/i.exec(request.headers.get('authorization') ?? '') ?? [];
  return token ?? null;
}

/** Name and password of Basic credentials, as they were written, each without what stands around it. */
function basicTexts(authorization: string): string[] {
  const [, encoded] = /^Basic +(\S+)/i.exec(authorization) ?? [];
  if (encoded === undefined) return [];
  try {
    const text = atob(encoded);
    const colon = text.indexOf(':');
    return colon < 0 ? [text] : [text.slice(0, colon), text.slice(colon + 1)];
  } catch {
    return [];
  }
}

/** The password of Basic credentials (RFC 7617), whatever the user name. */
export function basicPassword(request: Request): string | null {
  return auth(request)?.password ?? null;
}
