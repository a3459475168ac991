/**
 * @module The places of a JSON document that are watched, and the ways to them. Runs in: the ledger object.
 */

/**
 * A place in a JSON document that is looked at, and how many bytes of a text or number there are kept at
 * most.
 */
export interface Watch {
  /** The tokens of an RFC 6901 pointer, unescaped. */
  readonly pointer: readonly string[];
  readonly maxBytes: number;
}

/** A place on the way to watched ones. */
export interface Place {
  /** Its numbers among the watched; none where it is only on the way. */
  readonly watches: number[];
  maxBytes: number;
  /** The numbers of all that is watched here and below. */
  readonly below: number[];
  readonly children: { readonly name: string; readonly bytes: Uint8Array; readonly place: Place }[];
  /** The longest spelling in bytes that a name of a child can have. */
  nameMaxBytes: number;
}

/** `\u00e9` takes the most bytes for one UTF-16 unit. */
const ESCAPED_UNIT_BYTES = 6;

const encoder = new TextEncoder();

/** The places on the way to all that is watched, from the document itself on. */
export function treeOf(watched: readonly Watch[]): Place {
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

/** The place of this name in one; `null` where nothing there is watched. */
export function childOf(place: Place, name: string): Place | null {
  return place.children.find((child) => child.name === name)?.place ?? null;
}

/** The most bytes of a text that have to be kept at one time. */
export function keptMaxOf(place: Place): number {
  const below = place.children.map((child) => keptMaxOf(child.place));
  return Math.max(place.maxBytes, place.nameMaxBytes, ...below);
}
