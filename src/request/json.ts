/**
 * @module A JSON text in one spelling: white space, the order of members, and how strings and numbers are
 * written make no difference, as in RFC 8785. What that standard leaves out, because its numbers are doubles,
 * is kept: a number that no double holds exactly counts as it is written, so a payment of 9007199254740993 is
 * not one of 9007199254740992, and a member that stands twice counts twice.
 * Runs in: the Worker, the ledger object.
 *
 *
 * It is a reader of its own, as none that makes values first tells such numbers and members apart, nor holds
 * a text of many small values in little memory.
 */

import type { Follower } from './json-bytes.ts';

/**
 * A larger text is not put into one spelling: what that needs in memory at once is some 20 times the text at
 * the worst.
 */
export const CANONICAL_MAX_BYTES = 1024 * 1024;
/** Nor is one that is nested deeper, as its reader calls itself. */
const DEPTH_MAX = 200;

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WHITE_SPACE = /[ \t\n\r]*/y;

const INTEGER = /^-?\d+$/;

/**
 * The text in one spelling; `null` where it is no JSON (RFC 8259), or nested too deep. Whoever wants to know
 * what it holds can follow it meanwhile.
 */
export function canonicalJson(text: string, follower: Follower | null = null): string | null {
  try {
    return new Reader(text, follower).read();
  } catch (error) {
    if (error instanceof NotCanonicalError) return null;
    throw error;
  }
}

class NotCanonicalError extends Error {}

class Reader {
  readonly #text: string;
  readonly #follower: Follower | null;
  #at = 0;

  constructor(text: string, follower: Follower | null) {
    this.#text = text;
    this.#follower = follower;
  }

  read(): string {
    const value = this.#value(0);
    if (this.#at !== this.#text.length) throw new NotCanonicalError();
    return value;
  }

  /** A value, with the white space on both sides of it. */
  #value(depth: number): string {
    if (depth > DEPTH_MAX) throw new NotCanonicalError();
    this.#skip();
    const value = this.#bareValue(depth);
    this.#skip();
    return value;
  }

  #bareValue(depth: number): string {
    const wanted = this.#follower?.begins(depth) === true;
    switch (this.#text[this.#at]) {
      case '{':
        return this.#object(depth + 1);
      case '[':
        return this.#array(depth + 1);
      case '"': {
        const text = this.#string();
        if (wanted) this.#follower?.value(text, depth);
        return JSON.stringify(text);
      }
      case 't':
        return this.#word('true');
      case 'f':
        return this.#word('false');
      case 'n':
        return this.#word('null');
      default: {
        const source = this.#number();
        if (wanted && INTEGER.test(source)) this.#follower?.value(source, depth);
        const value = Number(source);
        return isExact(value, source) ? String(value) : source;
      }
    }
  }

  #array(depth: number): string {
    this.#follower?.opened(depth);
    const items = this.#list(']', (index) => {
      this.#follower?.item(index, depth);
      return this.#value(depth);
    });
    return `[${items.join(',')}]`;
  }

  /** Members in the order of their names' UTF-16 units; those of one name as they stand. */
  #object(depth: number): string {
    this.#follower?.opened(depth);
    const members = this.#list('}', () => {
      this.#skip();
      const name = this.#string();
      if (this.#follower?.member(depth) === true) this.#follower.name(name, depth);
      this.#skip();
      this.#word(':');
      return { name, value: this.#value(depth) };
    });
    members.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
    return `{${members.map(({ name, value }) => `${JSON.stringify(name)}:${value}`).join(',')}}`;
  }

  #list<T>(close: ']' | '}', item: (index: number) => T): T[] {
    this.#at += 1;
    this.#skip();
    const items: T[] = [];
    if (this.#text[this.#at] === close) {
      this.#at += 1;
      return items;
    }
    for (;;) {
      items.push(item(items.length));
      const separator = this.#text[this.#at];
      this.#at += 1;
      if (separator === close) return items;
      if (separator !== ',') throw new NotCanonicalError();
    }
  }

  /** What a string says. */
  #string(): string {
    const start = this.#at;
    if (this.#text[start] !== '"') throw new NotCanonicalError();
    let end = start;
    do {
      end = this.#text.indexOf('"', end + 1);
      if (end < 0) throw new NotCanonicalError();
    } while (this.#isEscaped(end));
    this.#at = end + 1;
    try {
      return String(JSON.parse(this.#text.slice(start, end + 1)));
    } catch {
      throw new NotCanonicalError();
    }
  }

  /** A quote after an odd number of backslashes ends nothing. */
  #isEscaped(quote: number): boolean {
    let first = quote;
    while (this.#text[first - 1] === '\\') first -= 1;
    return (quote - first) % 2 === 1;
  }

  #number(): string {
    NUMBER.lastIndex = this.#at;
    const [source] = NUMBER.exec(this.#text) ?? [];
    if (source === undefined) throw new NotCanonicalError();
    this.#at += source.length;
    return source;
  }

  #word(word: string): string {
    if (!this.#text.startsWith(word, this.#at)) throw new NotCanonicalError();
    this.#at += word.length;
    return word;
  }

  #skip(): void {
    WHITE_SPACE.lastIndex = this.#at;
    WHITE_SPACE.test(this.#text);
    this.#at = WHITE_SPACE.lastIndex;
  }
}

/**
 * Decimals of up to 15 digits each have a double of their own; a longer one must be how the double is
 * written.
 */
const DIGITS_OF_A_DOUBLE = 15;
const SMALLEST_NORMAL_DOUBLE = 2 ** -1022;

function isExact(value: number, source: string): boolean {
  if (source === String(value)) return true;
  const digits = source.replace(/e.*$/i, '').replace(/[-.]/g, '').replace(/^0+/, '');
  if (digits === '') return true;
  return (
    digits.length <= DIGITS_OF_A_DOUBLE && Number.isFinite(value) && Math.abs(value) >= SMALLEST_NORMAL_DOUBLE
  );
}
