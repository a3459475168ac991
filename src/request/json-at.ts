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

/** Before a text, it says that it is UTF-8. Some readers pass over it, some refuse the text (RFC 8259 §8.1). */
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

/**
 * What a text holds at each of the pointers. It reads the text once, in little memory, and in a time that grows with its length
 * alone.
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
  const tracks = pointers.map((tokens) => new Track(tokens));
  const longest = Math.max(maxCharacters, ...pointers.flat().map((token) => token.length));
  const json = new JsonBytes(new Tracks(tracks), longest * SPELT_UNIT_BYTES);
  for (const [n, segment] of segments.entries()) {
    const isMarked = n === 0 && BYTE_ORDER_MARK.every((byte, at) => segment[at] === byte);
    json.see(isMarked ? segment.subarray(BYTE_ORDER_MARK.length) : segment);
    if (json.broken) break;
  }
  const isJson = json.end();
  return tracks.map((track) => (isJson ? track.found(maxCharacters) : ABSENT));
}

/** How far a text has been followed along a pointer. A depth is the number of tokens that lead there. */
class Track {
  readonly #tokens: readonly string[];
  /** So many tokens lead to the value that is next, or open. */
  #followed = 0;
  /** For each token, whether the object that it names a member of has had that member. */
  readonly #hadMember: boolean[] = [];
  #doubled = false;
  #found: FoundAt = ABSENT;

  constructor(tokens: readonly string[]) {
    this.#tokens = tokens;
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
  next(name: string | null, depth: number): void {
    if (!this.isOnTheWay(depth)) return;
    this.#followed = this.#tokens[depth - 1] === name ? depth : depth - 1;
    if (this.#followed !== depth) return;
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

/** Follows all of the pointers at once. */
class Tracks implements Follower {
  readonly #tracks: readonly Track[];
  /** Those that the value in hand is at. */
  #here: readonly Track[] = [];

  constructor(tracks: readonly Track[]) {
    this.#tracks = tracks;
  }

  begins(depth: number): boolean {
    const isHere = (track: Track) => track.isAt(depth);
    if (!this.#tracks.some(isHere)) return false;
    this.#here = this.#tracks.filter(isHere);
    return true;
  }

  opened(depth: number): void {
    for (const track of this.#tracks) track.opened(depth);
  }

  item(index: number, depth: number): void {
    // To write each index of a long array as a text takes longer than to read the array.
    if (this.member(depth)) for (const track of this.#tracks) track.next(String(index), depth);
  }

  member(depth: number): boolean {
    return this.#tracks.some((track) => track.isOnTheWay(depth));
  }

  name(spelt: string | null, depth: number): void {
    const name = spelt === null ? null : unescaped(spelt);
    for (const track of this.#tracks) track.next(name, depth);
  }

  value(kind: 'string' | 'number', spelt: string | null): void {
    if (kind === 'number' && spelt !== null && !/^-?\d+$/.test(spelt)) return;
    const text = spelt === null ? null : kind === 'string' ? unescaped(spelt) : spelt;
    for (const track of this.#here) track.find(text === null ? { kind: 'too-long' } : { kind: 'text', text });
  }
}

/** What a string says that is spelt so, and is known to be well spelt. */
function unescaped(spelt: string): string {
  return spelt.includes('\\') ? String(JSON.parse(`"${spelt}"`)) : spelt;
}
