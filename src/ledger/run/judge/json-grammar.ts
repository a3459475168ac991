/**
 * @module The states of a reader of JSON, and the bytes that it looks for: numbers, as it looks at each byte
 * of large bodies. Runs in: the ledger object.
 */

/** Where in the grammar of JSON the next byte is. */
export const AT_VALUE = 0;
export const AT_FIRST_VALUE = 1;
export const AT_KEY = 2;
export const AT_FIRST_KEY = 3;
export const AT_COLON = 4;
export const AFTER_VALUE = 5;
export const IN_STRING = 6;
export const IN_LITERAL = 7;
/** In an object or array that holds nothing watched: only its end is looked for. */
export const SKIPPING = 8;
export const SKIPPING_STRING = 9;
export const ENDED = 10;
export const BROKEN = 11;

/** Bytes. */
export const QUOTE = 0x22;
export const BACKSLASH = 0x5c;
export const COMMA = 0x2c;
export const COLON = 0x3a;
export const OPEN_ARRAY = 0x5b;
export const CLOSE_ARRAY = 0x5d;
export const OPEN_OBJECT = 0x7b;
export const CLOSE_OBJECT = 0x7d;
export const SMALL_N = 0x6e;

/** The bytes of numbers, `true`, `false` and `null`. */
export function isLiteralByte(byte: number): boolean {
  const isLetterOrDigit = (byte >= 0x61 && byte <= 0x7a) || (byte >= 0x30 && byte <= 0x39);
  return isLetterOrDigit || byte === 0x2b || byte === 0x2d || byte === 0x2e || byte === 0x45;
}
