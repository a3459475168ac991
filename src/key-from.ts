/**
 * @module Where a route finds the idempotency key: `KEY_FROM`. From text to values, and back.
 * Runs in: the Worker.
 */

import * as v from 'valibot';
import { pointerTokens } from './json-pointer.ts';

/** One place where a key may be. */
export type KeyPlace =
  /** `name` is in the spelling of the settings. */
  | { readonly in: 'header'; readonly name: string }
  | { readonly in: 'query'; readonly name: string }
  /** `pointer`: the tokens of an RFC 6901 pointer, unescaped; `text`: the pointer as it is written. */
  | { readonly in: 'json'; readonly pointer: readonly string[]; readonly text: string };

/** In their order: the first place that has a key counts. */
export type KeyFrom = readonly KeyPlace[];

/** What the upstream gets the key in. */
export type ForwardKey =
  /** In the header field that it came in; a key from the query or the body stays where it is. */
  | { readonly kind: 'as-it-came' }
  | { readonly kind: 'dropped' }
  | { readonly kind: 'in'; readonly name: string };

/** `KEY_FROM` where nothing is said. */
export const DEFAULT_KEY_FROM = 'Idempotency-Key';

/** What a list of places is told that holds another word. */
export const KEY_FROM_MESSAGE =
  'must be a list of header names, query:NAME and json:/POINTER such as Idempotency-Key,json:/requestId';

/** A pointer is compared with each name of a body. */
const POINTER_MAX_CHARACTERS = 1_024;

/** RFC 9110 §5.6.2. */
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** A name as it is after decoding: `filter[key]`. */
const QUERY_NAME = /^[^\s&=#]+$/;

/** One place of the list. */
export const keyPlaceSetting = v.pipe(
  v.string(),
  v.rawTransform(({ dataset, addIssue, NEVER }): KeyPlace => {
    const place = parseKeyPlace(dataset.value.trim());
    if (place !== null) return place;
    addIssue({ message: KEY_FROM_MESSAGE });
    return NEVER;
  }),
);

function parseKeyPlace(text: string): KeyPlace | null {
  const [, place, rest = ''] = /^(query|json):(.*)$/is.exec(text) ?? [];
  switch (place?.toLowerCase()) {
    case undefined:
      return HEADER_NAME.test(text) ? { in: 'header', name: text } : null;
    case 'query':
      return QUERY_NAME.test(rest) ? { in: 'query', name: rest } : null;
    default: {
      const pointer = rest.length <= POINTER_MAX_CHARACTERS ? pointerTokens(rest) : null;
      return pointer === null ? null : { in: 'json', pointer, text: rest };
    }
  }
}

/** `KEY_FROM` as it is written in the settings. */
export function keyFromText(keyFrom: KeyFrom): string {
  return keyFrom.map(placeText).join(', ');
}

function placeText(place: KeyPlace): string {
  switch (place.in) {
    case 'header':
      return place.name;
    case 'query':
      return `query:${place.name}`;
    case 'json':
      return `json:${place.text}`;
  }
}

/** A place in words: `Idempotency-Key`, `the query parameter requestId`, `the JSON body at /id`. */
export function placeInWords(place: KeyPlace): string {
  switch (place.in) {
    case 'header':
      return place.name;
    case 'query':
      return `the query parameter ${place.name}`;
    case 'json':
      return `the JSON body at ${place.text}`;
  }
}

/** All of the places in words, with `or` before the last. */
export function placesInWords(keyFrom: KeyFrom): string {
  const words = keyFrom.map(placeInWords);
  const last = words.pop() ?? '';
  return words.length === 0 ? last : `${words.join(', ')} or ${last}`;
}

/** The header fields that may hold a key, in the spelling of the settings. */
export function keyHeadersOf(keyFrom: KeyFrom): string[] {
  return keyFrom.flatMap((place) => (place.in === 'header' ? [place.name] : []));
}

/**
 * Where the key is that a result is fetched with, by a GET, whose body nobody reads: where it was, and for a
 * key from the body in the usual header.
 */
export function resultKeyFrom(keyFrom: KeyFrom): KeyFrom {
  const places = keyFrom.filter((place) => place.in !== 'json');
  const usual: KeyPlace = { in: 'header', name: DEFAULT_KEY_FROM };
  return places.length < keyFrom.length ? [...places, usual] : places;
}
