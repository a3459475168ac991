/** @module Looks at a few places of a JSON document while its bytes come. Runs in: the ledger object. */

import { ABSENT, type Found, LONG } from './found.ts';
import {
  AFTER_VALUE,
  AT_COLON,
  AT_FIRST_KEY,
  AT_FIRST_VALUE,
  AT_KEY,
  AT_VALUE,
  BACKSLASH,
  BROKEN,
  CLOSE_ARRAY,
  CLOSE_OBJECT,
  COLON,
  COMMA,
  ENDED,
  IN_LITERAL,
  IN_STRING,
  isLiteralByte,
  OPEN_ARRAY,
  OPEN_OBJECT,
  QUOTE,
  SKIPPING,
  SKIPPING_STRING,
  SMALL_N,
} from './json-grammar.ts';
import { KeptText } from './kept-text.ts';
import { childOf, keptMaxOf, type Place, treeOf, type Watch } from './watch-tree.ts';

/** An object or array that is open, and is or holds a watched place. */
interface Frame {
  readonly place: Place;
  readonly isArray: boolean;
  index: number;
  blank: boolean;
}

/** Keeps no more than what is watched, however the bytes are cut. No validator: the rest is only skipped. */
export class JsonScan {
  readonly #root: Place;
  readonly #found: Found[];
  readonly #frames: Frame[] = [];
  /** The present text or literal, as far as it is of interest. */
  readonly #kept: KeptText;
  #state = AT_VALUE;
  #isKey = false;
  #escaping = false;
  #skippedDepth = 0;
  /** The place of the value that comes next or is being read; `null` where nothing there is watched. */
  #place: Place | null;
  #others = false;

  constructor(watched: readonly Watch[]) {
    this.#found = watched.map(() => ABSENT);
    this.#root = treeOf(watched);
    this.#place = this.#root;
    this.#kept = new KeptText(keptMaxOf(this.#root));
  }

  /** Whether the document is here from its first to its last byte. */
  get whole(): boolean {
    return this.#state === ENDED || (this.#state === IN_LITERAL && this.#frames.length === 0);
  }

  /** Whether the document is an object with a member, at the top, whose name leads to nothing watched. */
  get others(): boolean {
    return this.#others;
  }

  /** What was found at the nth of the watched places. */
  found(n: number): Found {
    return this.#found[n] ?? ABSENT;
  }

  /** Begins another document. */
  restart(): void {
    this.#found.fill(ABSENT);
    this.#frames.length = 0;
    this.#state = AT_VALUE;
    this.#place = this.#root;
    this.#others = false;
  }

  see(bytes: Uint8Array, from = 0, to = bytes.byteLength): void {
    for (let at = from; at < to; ) {
      switch (this.#state) {
        case SKIPPING:
          at = this.#skip(bytes, at, to);
          break;
        case SKIPPING_STRING:
        case IN_STRING:
          at = this.#readString(bytes, at, to);
          break;
        case IN_LITERAL:
          at = this.#readLiteral(bytes, at, to);
          break;
        case BROKEN:
          return;
        default:
          this.#step(bytes[at] ?? 0);
          at += 1;
      }
    }
  }

  /** One byte between the values, or the first of one. */
  #step(byte: number): void {
    if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) return;
    const isEnd = byte === CLOSE_ARRAY || byte === CLOSE_OBJECT;
    switch (this.#state) {
      case AT_FIRST_VALUE:
        if (isEnd) this.#close(byte);
        else this.#begin(byte);
        break;
      case AT_VALUE:
        this.#begin(byte);
        break;
      case AT_FIRST_KEY:
        if (isEnd) this.#close(byte);
        else this.#beginKey(byte);
        break;
      case AT_KEY:
        this.#beginKey(byte);
        break;
      case AT_COLON:
        this.#state = byte === COLON ? AT_VALUE : BROKEN;
        break;
      case AFTER_VALUE:
        if (isEnd) this.#close(byte);
        else if (byte === COMMA) this.#next();
        else this.#state = BROKEN;
        break;
      default:
        this.#state = BROKEN;
    }
  }

  #begin(byte: number): void {
    const place = this.#place;
    const frame = this.#frames.at(-1);
    if (frame === undefined && (byte === 0xef || byte === 0xbb || byte === 0xbf)) return; // A byte order mark.
    if (frame !== undefined && byte !== SMALL_N) frame.blank = false;
    if (place !== null) for (const n of place.below) this.#found[n] = ABSENT;
    if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
      if (place === null) {
        this.#skippedDepth = 1;
        this.#state = SKIPPING;
        return;
      }
      const isArray = byte === OPEN_ARRAY;
      this.#frames.push({ place, isArray, index: 0, blank: true });
      this.#state = isArray ? AT_FIRST_VALUE : AT_FIRST_KEY;
      if (isArray) this.#place = childOf(place, '0');
      return;
    }
    this.#keep(place !== null && place.watches.length > 0 ? place.maxBytes : -1);
    if (byte === QUOTE) {
      this.#isKey = false;
      this.#state = IN_STRING;
    } else if (isLiteralByte(byte)) {
      this.#kept.addByte(byte);
      this.#state = IN_LITERAL;
    } else {
      this.#state = BROKEN;
    }
  }

  #beginKey(byte: number): void {
    this.#isKey = true;
    this.#keep(this.#frames.at(-1)?.place.nameMaxBytes ?? -1);
    this.#state = byte === QUOTE ? IN_STRING : BROKEN;
  }

  /** After a comma. */
  #next(): void {
    const frame = this.#frames.at(-1);
    if (frame === undefined) {
      this.#state = BROKEN;
    } else if (frame.isArray) {
      frame.index += 1;
      this.#place = frame.place.children.length === 0 ? null : childOf(frame.place, String(frame.index));
      this.#state = AT_VALUE;
    } else {
      this.#state = AT_KEY;
    }
  }

  #close(byte: number): void {
    const frame = this.#frames.pop();
    const isArray = byte === CLOSE_ARRAY;
    if (frame?.isArray === isArray) {
      this.#find(frame.place, { kind: isArray ? 'array' : 'object', blank: frame.blank });
      this.#ended();
    } else {
      this.#state = BROKEN;
    }
  }

  #ended(): void {
    this.#state = this.#frames.length === 0 ? ENDED : AFTER_VALUE;
  }

  #skip(bytes: Uint8Array, from: number, to: number): number {
    for (let at = from; at < to; at += 1) {
      const byte = bytes[at];
      if (byte === QUOTE) {
        this.#keep(-1);
        this.#state = SKIPPING_STRING;
        return at + 1;
      }
      if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
        this.#skippedDepth += 1;
      } else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
        this.#skippedDepth -= 1;
        if (this.#skippedDepth === 0) {
          this.#ended();
          return at + 1;
        }
      }
    }
    return to;
  }

  #readString(bytes: Uint8Array, from: number, to: number): number {
    let at = from;
    if (this.#escaping) {
      this.#escaping = false;
      at += 1;
    }
    for (; at < to; at += 1) {
      const byte = bytes[at];
      if (byte === QUOTE) {
        this.#kept.add(bytes, from, at);
        this.#endString();
        return at + 1;
      }
      if (byte === BACKSLASH) {
        this.#kept.hasEscapes = true;
        at += 1;
        this.#escaping = at === to;
      }
    }
    this.#kept.add(bytes, from, to);
    return to;
  }

  #endString(): void {
    if (this.#state === SKIPPING_STRING) {
      this.#state = SKIPPING;
    } else if (this.#isKey) {
      this.#place = this.#childNamedByKept();
      if (this.#place === null && this.#frames.length === 1) this.#others = true;
      if (this.#state !== BROKEN) this.#state = AT_COLON;
    } else {
      this.#ended();
      this.#findKept(true);
    }
  }

  #readLiteral(bytes: Uint8Array, from: number, to: number): number {
    let at = from;
    while (at < to && isLiteralByte(bytes[at] ?? 0)) at += 1;
    this.#kept.add(bytes, from, at);
    if (at < to) {
      this.#ended();
      this.#findKept(false);
    }
    return at;
  }

  /** The text or literal that was just read is what was found at its place, if that is watched. */
  #findKept(isString: boolean): void {
    const place = this.#place;
    if (place === null || place.watches.length === 0) return;
    const value = this.#kept.value(isString);
    if (value === undefined) this.#state = BROKEN;
    else this.#find(place, this.#kept.tooLong ? LONG : { kind: 'scalar', value });
  }

  #find(place: Place, found: Found): void {
    for (const n of place.watches) this.#found[n] = found;
  }

  #childNamedByKept(): Place | null {
    const { children } = this.#frames.at(-1)?.place ?? this.#root;
    if (this.#kept.tooLong) return null;
    if (!this.#kept.hasEscapes) return children.find(({ bytes }) => this.#kept.is(bytes))?.place ?? null;
    const name = this.#kept.value(true);
    if (name === undefined) this.#state = BROKEN;
    return children.find((child) => child.name === name)?.place ?? null;
  }

  #keep(maxBytes: number): void {
    this.#escaping = false;
    this.#kept.begin(maxBytes);
  }
}
