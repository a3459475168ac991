/**
 * @module The states of a strict reader of JSON (RFC 8259) and the bytes that it looks for: numbers, as it
 * looks at each byte of large bodies. Runs in: the Worker.
 */

/** What the next byte may be. */
export const VALUE = 0;
export const FIRST_VALUE = 1;
export const NAME = 2;
export const FIRST_NAME = 3;
export const COLON = 4;
export const AFTER_VALUE = 5;
export const WORD = 6;
export const BROKEN = 7;
export const STRING = 8;
export const ESCAPE = 9;
export const HEX = 10;
/**
 * In a number, by what came last: its minus, a leading zero, a digit, the point, a digit behind it, the e,
 * its sign, its digit.
 */
export const MINUS = 11;
export const ZERO = 12;
export const DIGIT = 13;
const POINT = 14;
export const FRACTION = 15;
const E = 16;
const E_SIGN = 17;
export const EXPONENT = 18;

/** Bytes. */
export const QUOTE = 0x22;
export const COMMA = 0x2c;
const PLUS_SIGN = 0x2b;
export const MINUS_SIGN = 0x2d;
const DECIMAL_POINT = 0x2e;
const DIGIT_0 = 0x30;
export const DIGIT_9 = 0x39;
export const COLON_SIGN = 0x3a;
export const OPEN_ARRAY = 0x5b;
export const BACKSLASH = 0x5c;
export const CLOSE_ARRAY = 0x5d;
/** What a small letter has and a capital has not. */
const LETTER_CASE = 0x20;
const SMALL_A = 0x61;
const SMALL_E = 0x65;
const SMALL_F = 0x66;
export const SMALL_U = 0x75;
export const OPEN_OBJECT = 0x7b;
export const CLOSE_OBJECT = 0x7d;
/** What may stand behind a backslash, but for the u. */
export const ESCAPED: ReadonlySet<number> = new Set([...'"\\/bfnrt'].map(code));
/** The words that are values, by their first byte. */
export const WORDS: ReadonlyMap<number, string> = new Map(
  ['true', 'false', 'null'].map((word) => [code(word), word]),
);

/** The state of a number after one byte more; `BROKEN` where the byte is no part of it. */
export function afterNumberByte(state: number, byte: number): number {
  if (byte >= DIGIT_0 && byte <= DIGIT_9) {
    switch (state) {
      case DIGIT:
      case FRACTION:
      case EXPONENT:
        return state;
      case MINUS:
        return byte === DIGIT_0 ? ZERO : DIGIT;
      case POINT:
        return FRACTION;
      case E:
      case E_SIGN:
        return EXPONENT;
      default:
        return BROKEN;
    }
  }
  const isInteger = state === DIGIT || state === ZERO;
  if (byte === DECIMAL_POINT) return isInteger ? POINT : BROKEN;
  if ((byte | LETTER_CASE) === SMALL_E) return isInteger || state === FRACTION ? E : BROKEN;
  return state === E && (byte === MINUS_SIGN || byte === PLUS_SIGN) ? E_SIGN : BROKEN;
}

/** Whether a byte is a digit of base 16. */
export function isHexDigit(byte: number): boolean {
  const letter = byte | LETTER_CASE;
  return (byte >= DIGIT_0 && byte <= DIGIT_9) || (letter >= SMALL_A && letter <= SMALL_F);
}

function code(text: string): number {
  return text.charCodeAt(0);
}
