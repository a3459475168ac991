import { auth } from 'hono/utils/basic-auth';

const encoder = new TextEncoder();

/**
 * The operator's secret, and what it is compared with. Texts of the same length are compared in constant time; of another
 * length they are not compared at all, so that time tells an attacker the length of the token and nothing else of it.
 * There is no digest in this: each request that carries an `Authorization` is looked at, and those are most.
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

  /** Whether the `Authorization` of a request carries the token, under any scheme or none. */
  isCarriedBy(request: Request): boolean {
    const authorization = request.headers.get('authorization');
    if (authorization === null) return false;
    if (authorization.length >= this.#length && this.#same(authorization.slice(-this.#length))) return true;
    const password = basicPassword(request);
    return password !== null && this.is(password);
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

/** The password of Basic credentials (RFC 7617), whatever the user name. */
export function basicPassword(request: Request): string | null {
  return auth(request)?.password ?? null;
}
