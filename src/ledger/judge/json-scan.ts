import { shortText } from './short-text.ts';

/** A place in a JSON document that is looked at, and how many bytes of a text or number there are kept at most. */
export interface Watch {
  /** The tokens of an RFC 6901 pointer, unescaped. */
  readonly pointer: readonly string[];
  readonly maxBytes: number;
}

/** What was found there. As with `JSON.parse`, the last of several members of one name counts. */
export type Found =
  | { readonly kind: 'absent' }
  | { readonly kind: 'scalar'; readonly value: string | number | boolean | null }
  /** A text or number of more bytes than are kept. */
  | { readonly kind: 'long' }
  /** `blank`: it holds nothing, or nothing but nulls. */
  | { readonly kind: 'object' | 'array'; readonly blank: boolean };

/** A place on the way to watched ones. */
interface Place {
  /** Its numbers among the watched; none where it is only on the way. */
  readonly watches: number[];
  maxBytes: number;
  /** The numbers of all that is watched here and below. */
  readonly below: number[];
  readonly children: { readonly name: string; readonly bytes: Uint8Array; readonly place: Place }[];
  /** The longest spelling in bytes that a name of a child can have. */
  nameMaxBytes: number;
}

/** An object or array that is open, and is or holds a watched place. */
interface Frame {
  readonly place: Place;
  readonly isArray: boolean;
  index: number;
  blank: boolean;
}

/** Where in the grammar of JSON the next byte is. */
const AT_VALUE = 0;
const AT_FIRST_VALUE = 1;
const AT_KEY = 2;
const AT_FIRST_KEY = 3;
const AT_COLON = 4;
const AFTER_VALUE = 5;
const IN_STRING = 6;
const IN_LITERAL = 7;
/** In an object or array that holds nothing watched: only its end is looked for. */
const SKIPPING = 8;
const SKIPPING_STRING = 9;
const ENDED = 10;
const BROKEN = 11;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const SMALL_N = 0x6e;

/** `\u00e9` takes the most bytes for one UTF-16 unit. */
const ESCAPED_UNIT_BYTES = 6;

const ABSENT: Found = { kind: 'absent' };
const LONG: Found = { kind: 'long' };

const encoder = new TextEncoder();

/**
 * Looks at a few places of a JSON document while its bytes come, however they are cut and however large it is. What it keeps
 * is bounded by what is watched. It is no validator: what is not watched is only skipped.
 */
export class JsonScan {
  readonly #root: Place;
  readonly #found: Found[];
  readonly #frames: Frame[] = [];
  readonly #kept: Uint8Array;
  #keptBytes = 0;
  /** How many bytes of the present text or literal may be kept; -1: it is of no interest. */
  #keepMax = -1;
  #state = AT_VALUE;
  #isKey = false;
  #escaping = false;
  #hasEscapes = false;
  #skippedDepth = 0;
  /** The place of the value that comes next or is being read; `null` where nothing there is watched. */
  #place: Place | null;
  #others = false;

  constructor(watched: readonly Watch[]) {
    this.#found = watched.map(() => ABSENT);
    this.#root = treeOf(watched);
    this.#place = this.#root;
    this.#kept = new Uint8Array(keptMaxOf(this.#root));
  }

  /** Whether the document is here from its first to its last byte. */
  get whole(): boolean {
    return this.#state === ENDED || (this.#state === IN_LITERAL && this.#frames.length === 0);
  }

  /** Whether the document is an object with a member, at the top, of a name that is on the way to nothing watched. */
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
      this.#keepByte(byte);
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
        this.#keepBytes(bytes, from, at);
        this.#endString();
        return at + 1;
      }
      if (byte === BACKSLASH) {
        this.#hasEscapes = true;
        at += 1;
        this.#escaping = at === to;
      }
    }
    this.#keepBytes(bytes, from, to);
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
    this.#keepBytes(bytes, from, at);
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
    const value = this.#keptBytes > this.#keepMax ? null : this.#keptValue(isString);
    if (value === undefined) this.#state = BROKEN;
    else if (this.#keptBytes > this.#keepMax) this.#find(place, LONG);
    else this.#find(place, { kind: 'scalar', value });
  }

  #find(place: Place, found: Found): void {
    for (const n of place.watches) this.#found[n] = found;
  }

  #childNamedByKept(): Place | null {
    const { children } = this.#frames.at(-1)?.place ?? this.#root;
    if (this.#keptBytes > this.#keepMax) return null;
    if (this.#hasEscapes) {
      const name = this.#keptValue(true);
      if (name === undefined) this.#state = BROKEN;
      return children.find((child) => child.name === name)?.place ?? null;
    }
    const size = this.#keptBytes;
    for (const { bytes, place } of children) {
      if (bytes.byteLength !== size) continue;
      let at = 0;
      while (at < size && bytes[at] === this.#kept[at]) at += 1;
      if (at === size) return place;
    }
    return null;
  }

  #keptValue(isString: boolean): string | number | boolean | null | undefined {
    const text = shortText(this.#kept, this.#keptBytes);
    if (isString && !this.#hasEscapes) return text;
    try {
      return JSON.parse(isString ? `"${text}"` : text);
    } catch {
      return undefined;
    }
  }

  #keep(maxBytes: number): void {
    this.#keepMax = maxBytes;
    this.#keptBytes = 0;
    this.#escaping = false;
    this.#hasEscapes = false;
  }

  #keepByte(byte: number): void {
    if (this.#keptBytes < this.#keepMax) this.#kept[this.#keptBytes] = byte;
    this.#keptBytes += 1;
  }

  #keepBytes(bytes: Uint8Array, from: number, to: number): void {
    if (this.#keepMax < 0) return;
    const size = Math.min(to - from, this.#keepMax - this.#keptBytes);
    if (size > 0) this.#kept.set(bytes.subarray(from, from + size), this.#keptBytes);
    this.#keptBytes += to - from;
  }
}

/** The bytes of numbers, `true`, `false` and `null`. */
function isLiteralByte(byte: number): boolean {
  const isLetterOrDigit = (byte >= 0x61 && byte <= 0x7a) || (byte >= 0x30 && byte <= 0x39);
  return isLetterOrDigit || byte === 0x2b || byte === 0x2d || byte === 0x2e || byte === 0x45;
}

function treeOf(watched: readonly Watch[]): Place {
  const root = emptyPlace();
  for (const [watch, { pointer, maxBytes }] of watched.entries()) {
    let place = root;
    place.below.push(watch);
    for (const name of pointer) {
      const child = childOf(place, name) ?? emptyPlace();
      if (childOf(place, name) === null)
        place.children.push({ name, bytes: encoder.encode(name), place: child });
      place.nameMaxBytes = Math.max(place.nameMaxBytes, name.length * ESCAPED_UNIT_BYTES);
      place = child;
      place.below.push(watch);
    }
    place.watches.push(watch);
    place.maxBytes = Math.max(place.maxBytes, maxBytes);
  }
  return root;
}

function emptyPlace(): Place {
  return { watches: [], maxBytes: 0, below: [], children: [], nameMaxBytes: 0 };
}

function childOf(place: Place, name: string): Place | null {
  return place.children.find((child) => child.name === name)?.place ?? null;
}

function keptMaxOf(place: Place): number {
  const below = place.children.map((child) => keptMaxOf(child.place));
  return Math.max(place.maxBytes, place.nameMaxBytes, ...below);
}
