/**
 * @module A strict reader of JSON (RFC 8259) that takes bytes as they are cut, makes no values, and needs
 * little memory whatever the text is. It tells what comes to somebody who follows it, and keeps only the
 * names and values that he wants. Runs in: the Worker.
 */

import {
  AFTER_VALUE,
  afterNumberByte,
  BACKSLASH,
  BROKEN,
  CLOSE_ARRAY,
  CLOSE_OBJECT,
  COLON,
  COLON_SIGN,
  COMMA,
  DIGIT,
  DIGIT_9,
  ESCAPE,
  ESCAPED,
  EXPONENT,
  FIRST_NAME,
  FIRST_VALUE,
  FRACTION,
  HEX,
  isHexDigit,
  MINUS,
  MINUS_SIGN,
  NAME,
  OPEN_ARRAY,
  OPEN_OBJECT,
  QUOTE,
  SMALL_U,
  STRING,
  VALUE,
  WORD,
  WORDS,
  ZERO,
} from './json-states.ts';

/**
 * Who follows a text while it is read. `depth`: how many objects and arrays are open around the value, or
 * around the member's name.
 */
export interface Follower {
  /** A value begins. Whether it is wanted, should it be a string or an integer. */
  begins(depth: number): boolean;
  /** An object or array was opened that holds values of this depth. */
  opened(depth: number): void;
  /** An item of an array is next. */
  item(index: number, depth: number): void;
  /** A member is next. Whether its name is wanted. */
  member(depth: number): boolean;
  /**
   * What the wanted name or string says, or the integer as it is written; `null` where it is too long to be
   * kept.
   */
  name(text: string | null, depth: number): void;
  value(text: string | null, depth: number): void;
}

/** Deeper than any text that is meant; what is open is held in memory. A deeper one is taken for none. */
const DEPTH_MAX = 10_000;

const HEX_DIGITS = 4;
const SHORT_BYTES = 64;

const decoder = new TextDecoder();

/** Reads one text, as its bytes come. */
export class JsonBytes {
  readonly #follower: Follower;
  /** The wanted name or value, as far as it is here. */
  readonly #kept: Uint8Array;
  /** How many bytes it has; −1: none is wanted. */
  #size = -1;
  /** Of each array that is open the index of its present item, of each object −1. */
  readonly #open: number[] = [];
  #state = VALUE;
  #isName = false;
  /** How many bytes the word or the escape still has. */
  #left = 0;
  #word = '';

  /** @param maxBytes how long a wanted name or value may be spelt */
  constructor(follower: Follower, maxBytes: number) {
    this.#follower = follower;
    this.#kept = new Uint8Array(maxBytes);
  }

  /** Whether it is known that the text is no JSON. */
  get broken(): boolean {
    return this.#state === BROKEN;
  }

  /** Ends the text. Whether it was JSON. */
  end(): boolean {
    this.#endNumber();
    return this.#state === AFTER_VALUE && this.#open.length === 0;
  }

  see(bytes: Uint8Array): void {
    const end = bytes.byteLength;
    for (let at = 0; at < end && this.#state !== BROKEN; ) {
      if (this.#state === STRING) {
        at = this.#readString(bytes, at);
      } else if (this.#state >= MINUS) {
        at = this.#readNumber(bytes, at);
      } else {
        this.#step(bytes[at++] ?? 0);
      }
    }
  }

  #step(byte: number): void {
    switch (this.#state) {
      case WORD:
        this.#left -= 1;
        if (byte !== this.#word.charCodeAt(this.#word.length - 1 - this.#left)) this.#state = BROKEN;
        else if (this.#left === 0) this.#state = AFTER_VALUE;
        return;
      case ESCAPE:
        this.#left = HEX_DIGITS;
        this.#keepByte(byte, byte === SMALL_U ? HEX : ESCAPED.has(byte) ? STRING : BROKEN);
        return;
      case HEX:
        this.#left -= 1;
        this.#keepByte(byte, !isHexDigit(byte) ? BROKEN : this.#left > 0 ? HEX : STRING);
        return;
    }
    if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) return;
    switch (this.#state) {
      case VALUE:
        this.#begin(byte);
        return;
      case FIRST_VALUE:
        if (byte === CLOSE_ARRAY) this.#close();
        else this.#beginItem(0, byte);
        return;
      case FIRST_NAME:
        if (byte === CLOSE_OBJECT) this.#close();
        else this.#beginName(byte);
        return;
      case NAME:
        this.#beginName(byte);
        return;
      case COLON:
        this.#state = byte === COLON_SIGN ? VALUE : BROKEN;
        return;
      case AFTER_VALUE:
        this.#afterValue(byte);
    }
  }

  #begin(byte: number): void {
    const wanted = this.#follower.begins(this.#open.length);
    this.#size = wanted ? 0 : -1;
    if (byte === QUOTE) {
      this.#isName = false;
      this.#state = STRING;
    } else if (byte === OPEN_OBJECT) {
      this.#openUp(-1, FIRST_NAME);
    } else if (byte === OPEN_ARRAY) {
      this.#openUp(0, FIRST_VALUE);
    } else if (byte <= DIGIT_9) {
      this.#keepByte(byte, byte === MINUS_SIGN ? MINUS : afterNumberByte(MINUS, byte));
    } else {
      this.#word = WORDS.get(byte) ?? '';
      this.#left = this.#word.length - 1;
      this.#state = this.#word === '' ? BROKEN : WORD;
    }
  }

  #beginItem(index: number, byte: number): void {
    this.#follower.item(index, this.#open.length);
    this.#begin(byte);
  }

  #beginName(byte: number): void {
    this.#size = this.#follower.member(this.#open.length) ? 0 : -1;
    this.#isName = true;
    this.#state = byte === QUOTE ? STRING : BROKEN;
  }

  #openUp(index: number, state: number): void {
    this.#open.push(index);
    this.#follower.opened(this.#open.length);
    this.#state = this.#open.length <= DEPTH_MAX ? state : BROKEN;
  }

  #close(): void {
    this.#open.pop();
    this.#state = AFTER_VALUE;
  }

  #afterValue(byte: number): void {
    const depth = this.#open.length;
    const index = this.#open[depth - 1];
    if (index === undefined) {
      this.#state = BROKEN;
    } else if (byte === (index < 0 ? CLOSE_OBJECT : CLOSE_ARRAY)) {
      this.#close();
    } else if (byte !== COMMA) {
      this.#state = BROKEN;
    } else if (index < 0) {
      this.#state = NAME;
    } else {
      this.#open[depth - 1] = index + 1;
      this.#follower.item(index + 1, depth);
      this.#state = VALUE;
    }
  }

  #readString(bytes: Uint8Array, from: number): number {
    for (let at = from; at < bytes.byteLength; at += 1) {
      const byte = bytes[at] ?? 0;
      if (byte >= 0x20 && byte !== QUOTE && byte !== BACKSLASH) continue;
      this.#keep(bytes, from, byte === BACKSLASH ? at + 1 : at);
      if (byte === QUOTE) this.#endString();
      else this.#state = byte === BACKSLASH ? ESCAPE : BROKEN;
      return at + 1;
    }
    this.#keep(bytes, from, bytes.byteLength);
    return bytes.byteLength;
  }

  #endString(): void {
    this.#state = this.#isName ? COLON : AFTER_VALUE;
    if (this.#size < 0) return;
    const spelt = this.#spelt();
    const text = spelt === null ? null : unescaped(spelt);
    if (this.#isName) this.#follower.name(text, this.#open.length);
    else this.#follower.value(text, this.#open.length);
  }

  #readNumber(bytes: Uint8Array, from: number): number {
    let state = this.#state;
    for (let at = from; at < bytes.byteLength; at += 1) {
      const next = afterNumberByte(state, bytes[at] ?? 0);
      if (next !== BROKEN) {
        state = next;
        continue;
      }
      this.#state = state;
      this.#keep(bytes, from, at);
      this.#endNumber();
      return at;
    }
    this.#state = state;
    this.#keep(bytes, from, bytes.byteLength);
    return bytes.byteLength;
  }

  /** A number has no end of its own. */
  #endNumber(): void {
    const state = this.#state;
    if (state < MINUS) return;
    const isInteger = state === DIGIT || state === ZERO;
    const isWhole = isInteger || state === FRACTION || state === EXPONENT;
    this.#state = isWhole ? AFTER_VALUE : BROKEN;
    if (isInteger && this.#size >= 0) this.#follower.value(this.#spelt(), this.#open.length);
  }

  #spelt(): string | null {
    return this.#size > this.#kept.byteLength ? null : textOf(this.#kept, this.#size);
  }

  #keepByte(byte: number, state: number): void {
    this.#state = state;
    if (this.#size < 0) return;
    this.#kept[this.#size] = byte;
    this.#size += 1;
  }

  #keep(bytes: Uint8Array, from: number, to: number): void {
    if (this.#size < 0) return;
    const size = Math.min(to - from, this.#kept.byteLength - this.#size);
    if (size > 0) this.#kept.set(bytes.subarray(from, from + size), this.#size);
    this.#size += to - from;
  }
}

/** What a string says that is spelt so, and is known to be well spelt. */
function unescaped(spelt: string): string {
  return spelt.includes('\\') ? String(JSON.parse(`"${spelt}"`)) : spelt;
}

/** A few bytes as text. For ASCII of that length a loop costs a fraction of a decoder. */
function textOf(bytes: Uint8Array, size: number): string {
  let text = '';
  for (let at = 0; at < size; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte >= 0x80 || size > SHORT_BYTES) return decoder.decode(bytes.subarray(0, size));
    text += String.fromCharCode(byte);
  }
  return text;
}
