/** @module What a key may look like. Runs in: any runtime. */

/** What the gateway takes as a bare key: visible ASCII, without the quote that begins the other form. */
const BARE_KEY = /^(?!")[\x21-\x7e]{1,255}$/;

/**
 * What a program writes that has no key, by the gateway's list: one such key would swallow every request
 * after the first.
 */
const NO_KEY_AT_ALL = /^(?:undefined|null|nil|none|nan|\[object \w+\]|0{8}-0{4}-0{4}-0{4}-0{12})$/i;

/**
 * A key that was just made, to be sent as it is.
 *
 * @throws {TypeError} the gateway would not take it
 */
export function checkMadeKey(key: unknown): string {
  if (typeof key !== 'string' || !BARE_KEY.test(key)) {
    throw new TypeError('key: expected 1 to 255 characters of visible ASCII, the first of them no quote');
  }
  return checkIsKey(key);
}

/**
 * A key as the caller has put it into the request; its syntax is for the server to judge.
 *
 * @throws {TypeError} it is the name of nothing
 */
export function checkIsKey(key: string): string {
  if (!NO_KEY_AT_ALL.test(key)) return key;
  throw new TypeError(`key: ${key} is what a program sends that has made no key`);
}
