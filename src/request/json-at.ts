/** @module What a JSON text holds at a place. Runs in: the Worker. */

import { type Follower, JsonBytes } from './json-bytes.ts';

/** What a JSON text holds at a place. */
export type FoundAt =
  /** Nothing, or neither a string nor an integer; or the text is no JSON. */
  | { readonly kind: 'absent' }
  /** A string, unescaped, or an integer as it is written, whatever its size. */
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'too-long' }
  /** A member on the way there stands twice. Some readers take the first, some the last. */
  | { readonly kind: 'doubled' };

const ABSENT: FoundAt = { kind: 'absent' };

/** The most bytes that JSON takes for one UTF-16 unit: `\u00e9`. */
const SPELT_UNIT_BYTES = 6;

/**
 * Before a text, it says that it is UTF-8. Some readers pass over it, some refuse the text (RFC 8259 §8.1).
 */
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

/**
 * What a text holds at each of the pointers. It reads the text once, in little memory, and in a time that
 * grows with its length alone.
 *
 * @param segments the text in UTF-8, cut anywhere but in a byte order mark
 * @param pointers the tokens of RFC 6901 pointers, unescaped
 * @param maxCharacters a longer string or integer is too long
 */
export function jsonAt(
  segments: readonly Uint8Array[],
  pointers: readonly (readonly string[])[],
  maxCharacters: number,
): readonly FoundAt[] {
  const places = new PlacesInJson(pointers, maxCharacters);
  const json = new JsonBytes(places, places.longest * SPELT_UNIT_BYTES);
  for (const [n, segment] of segments.entries()) {
    const isMarked = n === 0 && BYTE_ORDER_MARK.every((byte, at) => segment[at] === byte);
    json.see(isMarked ? segment.subarray(BYTE_ORDER_MARK.length) : segment);
    if (json.broken) break;
  }
  return json.end() ? places.found() : pointers.map(() => ABSENT);
}

/** RFC 6901 §4. */
const ARRAY_INDEX = /^(?:0|[1-9]\d*)$/;

/** How far a text has been followed along a pointer. A depth is the number of tokens that lead there. */
class Track {
  readonly #tokens: readonly string[];
  /**
   * The tokens as the indices that they are in an array; to write each index of a long one as a text would
   * take long.
   */
  readonly #indices: readonly (number | null)[];
  /** So many tokens lead to the value that is next, or open. */
  #followed = 0;
  /** For each token, whether the object that it names a member of has had that member. */
  readonly #hadMember: boolean[] = [];
  #doubled = false;
  #found: FoundAt = ABSENT;

  constructor(tokens: readonly string[]) {
    this.#tokens = tokens;
    this.#indices = tokens.map((token) => (ARRAY_INDEX.test(token) ? Number(token) : null));
  }

  /** Whether the value of this depth that begins is at the pointer. */
  isAt(depth: number): boolean {
    return this.#followed === depth && this.#tokens.length === depth;
  }

  /** Whether the object or array that is open around this depth is on the way to the pointer. */
  isOnTheWay(depth: number): boolean {
    return this.#followed >= depth - 1 && this.#tokens.length >= depth;
  }

  opened(depth: number): void {
    if (this.#followed === depth - 1) this.#hadMember[depth - 1] = false;
  }

  /** A member of this name, or an item of this index, is next. */
  next(step: string | number | null, depth: number): void {
    if (!this.isOnTheWay(depth)) return;
    const leadsOn =
      typeof step === 'number' ? this.#indices[depth - 1] === step : this.#tokens[depth - 1] === step;
    this.#followed = leadsOn ? depth : depth - 1;
    if (!leadsOn) return;
    this.#doubled ||= this.#hadMember[depth - 1] === true;
    this.#hadMember[depth - 1] = true;
  }

  find(found: FoundAt): void {
    this.#found = found;
  }

  found(maxCharacters: number): FoundAt {
    if (this.#found.kind === 'absent') return ABSENT;
    if (this.#doubled) return { kind: 'doubled' };
    const isLong = this.#found.kind === 'text' && this.#found.text.length > maxCharacters;
    return isLong ? { kind: 'too-long' } : this.#found;
  }
}

/**
 * Follows a text along all of the pointers at once, whoever reads it. It is asked at each value of the text,
 * so it makes nothing to answer.
 */
export class PlacesInJson implements Follower {
  /** No name or value that counts is longer, in UTF-16 units. */
  readonly longest: number;
  readonly #maxCharacters: number;
  readonly #tracks: readonly Track[];
  /** No pointer leads deeper. */
  readonly #deepest: number;

  /** As in {@link jsonAt}. */
  constructor(pointers: readonly (readonly string[])[], maxCharacters: number) {
    this.longest = Math.max(maxCharacters, ...pointers.flat().map((token) => token.length));
    this.#maxCharacters = maxCharacters;
    this.#tracks = pointers.map((tokens) => new Track(tokens));
    this.#deepest = Math.max(...pointers.map((tokens) => tokens.length));
  }

  /** What there was at each of the pointers, once the text has turned out to be JSON. */
  found(): readonly FoundAt[] {
    return this.#tracks.map((track) => track.found(this.#maxCharacters));
  }

  begins(depth: number): boolean {
    if (depth > this.#deepest) return false;
    for (const track of this.#tracks) if (track.isAt(depth)) return true;
    return false;
  }

  opened(depth: number): void {
    if (depth > this.#deepest) return;
    for (const track of this.#tracks) track.opened(depth);
  }

  item(index: number, depth: number): void {
    if (depth > this.#deepest) return;
    for (const track of this.#tracks) track.next(index, depth);
  }

  member(depth: number): boolean {
    if (depth > this.#deepest) return false;
    for (const track of this.#tracks) if (track.isOnTheWay(depth)) return true;
    return false;
  }

  name(name: string | null, depth: number): void {
    for (const track of this.#tracks) track.next(name, depth);
  }

  value(text: string | null, depth: number): void {
    const found: FoundAt = text === null ? { kind: 'too-long' } : { kind: 'text', text };
    for (const track of this.#tracks) if (track.isAt(depth)) track.find(found);
  }
}
