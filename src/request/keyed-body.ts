/** @module What is read of a body that may hold a key. Runs in: the Worker. */
import type { BodyBytes } from '../body-bytes.ts';
import type { Route } from '../config.ts';
import { type Spelling, spellingOf } from './fingerprint.ts';
import { type FoundAt, jsonAt, PlacesInJson } from './json-at.ts';
import { MAX_KEY_CHARACTERS } from './key.ts';

/** What is read of a body in which a key is looked for. */
export interface KeyedBody {
  /** What it holds at each of the route's places in it, in their order. */
  readonly found: readonly FoundAt[];
  /** For its fingerprint; `undefined` where that takes it as it is. */
  readonly spelling: Spelling | null | undefined;
}

/**
 * Reads a body for the key and for what its fingerprint takes of it at once. It is looked into whatever media
 * type it claims to have: senders of JSON say so less often than they should. So one that has no one spelling
 * is read for the key alone.
 */
export function readKeyedBody(
  body: BodyBytes,
  contentType: string | null,
  { keyFrom, fingerprint }: Pick<Route, 'keyFrom' | 'fingerprint'>,
): KeyedBody {
  const pointers = keyFrom.flatMap((place) => (place.in === 'json' ? [place.pointer] : []));
  let spelling: Spelling | null | undefined;
  if (fingerprint === 'json') {
    const places = new PlacesInJson(pointers, MAX_KEY_CHARACTERS);
    spelling = spellingOf({ contentType, body }, places);
    if (spelling !== null) return { found: places.found(), spelling };
  }
  return { found: jsonAt(body.segments, pointers, MAX_KEY_CHARACTERS), spelling };
}
