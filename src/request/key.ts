/** @module Reads an idempotency key. Runs in: the Worker. */

import { parseItem, serializeItem } from 'structured-headers';

/** The key that a text is, or why it is none. */
export type KeyResult =
  /** `empty`: the place is there, and nothing is in it. */
  | { readonly kind: 'absent' | 'empty' }
  | { readonly kind: 'invalid'; readonly why: string }
  | { readonly kind: 'key'; readonly key: string };

/** No key is longer. */
export const MAX_KEY_CHARACTERS = 255;
const VISIBLE_ASCII = /^[\x21-\x7e]+$/;
const ASCII_AND_SPACE = /^[\x20-\x7e]+$/;

/** What a program writes that has no key: one such «key» would swallow every request after the first. */
const NO_KEY_AT_ALL = /^(?:undefined|null|nil|none|nan|\[object \w+\]|0{8}-0{4}-0{4}-0{4}-0{12})$/i;

/**
 * Reads an idempotency key from its field value: a structured-field String (`"abc"`, RFC 9651 §3.3.3) or the
 * bare form that real clients send (`abc`). Both name the same key.
 *
 * Two fields arrive joined by a comma and a space. Neither form can hold that outside quotes, so they are
 * refused rather than read as one key.
 */
export function parseKey(value: string | null): KeyResult {
  if (value === null) return { kind: 'absent' };
  const text = value.trim();
  if (text === '') return { kind: 'empty' };
  return text.startsWith('"') ? parseQuoted(text) : parseBare(text);
}

/**
 * Reads a key that stands in a place of its own, a JSON string or a decoded parameter: it needs no quotes to
 * hold a space.
 */
export function parseExact(text: string): KeyResult {
  if (text === '') return { kind: 'empty' };
  if (NO_KEY_AT_ALL.test(text)) return noKeyAtAll(text);
  if (!ASCII_AND_SPACE.test(text)) return invalid('It may hold visible ASCII characters and spaces only.');
  return ofAllowedLength(text);
}

/** A key as the value of a field that {@link parseKey} reads as this key again: bare where that can be. */
export function keyField(key: string): string {
  return VISIBLE_ASCII.test(key) && !key.startsWith('"') ? key : serializeItem([key, new Map()]);
}

function parseQuoted(text: string): KeyResult {
  let key: unknown;
  try {
    [key] = parseItem(text);
  } catch {
    return invalid('It begins with a quote but is not one structured-field String such as "abc".');
  }
  if (typeof key !== 'string' || key === '') return invalid('It is empty.');
  if (NO_KEY_AT_ALL.test(key)) return noKeyAtAll(key);
  return ofAllowedLength(key);
}

function parseBare(text: string): KeyResult {
  if (NO_KEY_AT_ALL.test(text)) return noKeyAtAll(text);
  if (/,\s/.test(text)) return invalid('There is more than one value.');
  if (!VISIBLE_ASCII.test(text)) {
    return invalid('It may hold visible ASCII characters only, and a space only in the quoted form.');
  }
  return ofAllowedLength(text);
}

function ofAllowedLength(key: string): KeyResult {
  return key.length <= MAX_KEY_CHARACTERS
    ? { kind: 'key', key }
    : invalid(`It has ${key.length} characters; ${MAX_KEY_CHARACTERS} is the most.`);
}

function noKeyAtAll(text: string): KeyResult {
  return invalid(`It is ${text}, which a client sends that has made no key.`);
}

/** A place holds something that is no key. */
export function invalid(why: string): KeyResult {
  return { kind: 'invalid', why };
}
