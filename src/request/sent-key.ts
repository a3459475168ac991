/** @module The key that a request sends, wherever it is. Runs in: the Worker. */

import type { Route } from '../config.ts';
import type { KeyPlace } from '../key-from.ts';
import type { FoundAt } from './json-at.ts';
import { invalid, type KeyResult, keyField, MAX_KEY_CHARACTERS, parseExact, parseKey } from './key.ts';

/** What a request says at the places of its route's `KEY_FROM`. */
export type SentKey =
  | { readonly kind: 'absent' }
  | { readonly kind: 'invalid'; readonly why: string; readonly place: KeyPlace }
  | {
      readonly kind: 'key';
      readonly key: string;
      readonly place: KeyPlace;
      /** As the value of a header field: as it came, quoted or bare, where it came in one. */
      readonly field: string;
    }
  /** Nothing comes before a place in the body, which has to be read first. */
  | { readonly kind: 'in-body-if-at-all' };

/**
 * The key that a request sends: the first place that holds something counts. An empty place is passed over;
 * where nothing else is found and the route needs a key, it is told what is wrong with it.
 *
 * @param inBody what the body holds at each of the places in it, in their order; `null` where it has not been
 * looked into yet, which is to be done only if no place before holds a key
 */
export function sentKey(
  request: Pick<Request, 'method' | 'headers'>,
  target: URL,
  { key, keyFrom }: Pick<Route, 'key' | 'keyFrom'>,
  inBody: readonly FoundAt[] | null,
): SentKey {
  let empty: KeyPlace | null = null;
  let placesInBody = 0;
  for (const place of keyFrom) {
    let result: KeyResult;
    let field: string | null = null;
    switch (place.in) {
      case 'header':
        field = request.headers.get(place.name);
        result = parseKey(field);
        break;
      case 'query':
        result = inQuery(target, place.name);
        break;
      case 'json':
        // The platform's fetch gives a GET no body.
        if (request.method === 'GET') continue;
        if (inBody === null) return { kind: 'in-body-if-at-all' };
        result = ofFound(inBody[placesInBody++]);
        break;
    }
    if (result.kind === 'key')
      return { kind: 'key', key: result.key, place, field: field ?? keyField(result.key) };
    if (result.kind === 'invalid') return { ...result, place };
    if (result.kind === 'empty') empty ??= place;
  }
  return empty !== null && key === 'required'
    ? { kind: 'invalid', why: 'It is empty.', place: empty }
    : { kind: 'absent' };
}

/** Decoded as forms are, which is how an upstream will read it. */
function inQuery(target: URL, name: string): KeyResult {
  if (target.search === '') return { kind: 'absent' };
  const [value, ...others] = target.searchParams.getAll(name);
  if (value === undefined) return { kind: 'absent' };
  return others.length > 0 ? invalid('There is more than one value.') : parseExact(value);
}

function ofFound(found: FoundAt = { kind: 'absent' }): KeyResult {
  switch (found.kind) {
    case 'absent':
      return found;
    case 'text':
      return parseExact(found.text);
    case 'too-long':
      return invalid(`It has more than ${MAX_KEY_CHARACTERS} characters.`);
    case 'doubled':
      return invalid('A member on the way to it stands twice, and not all readers take the same one.');
  }
}
