/** @module Logins by cookie. Runs in: the Worker. */

import { serialize } from 'hono/utils/cookie';
import { base64Url } from '../request/digest.ts';
import { OPERATOR_PREFIX } from '../settings.ts';

/** The cookie of a login. */
export const LOGIN_COOKIE = 'oncegate-login';

/** A working day. Use does not prolong it, so a stolen cookie ends, too. */
const LOGIN_SECONDS = 8 * 60 * 60;

/**
 * Whoever can set cookies for this host can set some under this name as well. No more than this many are
 * checked.
 */
const CANDIDATES_MAX = 4;

/** EXPIRY.MAC */
const LOGIN = /^(\d{1,12})\.([\w-]{43})$/;

const encoder = new TextEncoder();

/**
 * `Secure` is taken from `http://localhost`, too, by Chromium and Firefox. The name has no `__Host-`, which
 * asks for the path `/` and so for sending it to the upstream.
 */
const ATTRIBUTES = {
  path: OPERATOR_PREFIX,
  httpOnly: true,
  secure: true,
  sameSite: 'Strict',
} as const;

/** The `Set-Cookie` that ends a login in this browser. */
export const LOGGED_OUT = serialize(LOGIN_COOKIE, '', { ...ATTRIBUTES, maxAge: 0 });

/** A browser in which the operator has logged in. */
export interface Login {
  /** What a form of the console carries. Nobody knows it who cannot read the console's pages. */
  readonly formToken: string;
}

/**
 * Logins by cookie: `EXPIRY.MAC`, the time in seconds at which it ends and its HMAC-SHA-256 under a key that
 * is derived from the operator's token. Nothing is stored, so with another token all of them are worth
 * nothing.
 */
export class Logins {
  readonly #adminToken: string;

  constructor(adminToken: string) {
    this.#adminToken = adminToken;
  }

  /** The `Set-Cookie` of a new login. */
  async issue(): Promise<string> {
    const expiry = String(Math.floor(Date.now() / 1000) + LOGIN_SECONDS);
    const value = `${expiry}.${base64Url(await this.#mac('login', expiry))}`;
    return serialize(LOGIN_COOKIE, value, { ...ATTRIBUTES, maxAge: LOGIN_SECONDS });
  }

  /** The login in a `Cookie` field; `null` where there is none, or none that is valid. */
  async find(cookie: string | null): Promise<Login | null> {
    for (const value of candidates(cookie)) {
      if (await this.#isValid(value)) return { formToken: base64Url(await this.#mac('form', value)) };
    }
    return null;
  }

  async #isValid(value: string): Promise<boolean> {
    const [, expiry = '', mac = ''] = LOGIN.exec(value) ?? [];
    if (Number(expiry) * 1000 <= Date.now()) return false;
    return sameText(mac, base64Url(await this.#mac('login', expiry)));
  }

  async #mac(purpose: 'login' | 'form', text: string): Promise<Uint8Array> {
    const secret = await crypto.subtle.importKey('raw', encoder.encode(this.#adminToken), 'HKDF', false, [
      'deriveKey',
    ]);
    const key = await crypto.subtle.deriveKey(
      { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info: encoder.encode(`oncegate ${purpose}`) },
      secret,
      { name: 'HMAC', hash: 'SHA-256', length: 256 },
      false,
      ['sign'],
    );
    return new Uint8Array(await crypto.subtle.sign('HMAC', key, encoder.encode(text)));
  }
}

/** Whether two texts are the same, in constant time for texts of one length. */
export function sameText(a: string, b: string): boolean {
  const [left, right] = [encoder.encode(a), encoder.encode(b)];
  return left.byteLength === right.byteLength && crypto.subtle.timingSafeEqual(left, right);
}

/**
 * All values under the login's name: another one, set for a longer path, would come before the login and hide
 * it.
 */
function candidates(cookie: string | null): string[] {
  if (cookie === null || !cookie.includes(LOGIN_COOKIE)) return [];
  const prefix = `${LOGIN_COOKIE}=`;
  return cookie
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(prefix))
    .map((pair) => pair.slice(prefix.length))
    .filter((value) => LOGIN.test(value))
    .slice(0, CANDIDATES_MAX);
}
