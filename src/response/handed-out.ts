/** @module The upstream's fields as the client gets them. Runs in: the Worker. */

import { parseList, serializeList } from 'structured-headers';
import type { HeaderList } from '../headers.ts';
import { locationFor, type Place } from './location.ts';

/** Fields of the upstream that do not reach the client as they are. */
const CHANGED = ['location', 'content-location', 'idempotent-replayed', 'cache-status'];

/** The upstream's fields as the client gets them. The record holds them as the upstream sent them. */
export function appendHandedOut(headers: Headers, list: HeaderList, place: Place): void {
  for (const [name, value] of list) {
    const given = CHANGED.includes(name) ? handedOut(name, value, place) : value;
    if (given !== null) headers.append(name, given);
  }
}

/** The same in place, for fields that shall keep the bytes that they came with. */
export function handOutInPlace(headers: Headers, place: Place): void {
  for (const name of CHANGED) {
    const value = headers.get(name);
    if (value === null) continue;
    const given = handedOut(name, value, place);
    if (given === null) headers.delete(name);
    else if (given !== value) headers.set(name, given);
  }
}

function handedOut(name: string, value: string, place: Place): string | null {
  switch (name) {
    // Whether a response is a replay is the gateway's to say.
    case 'idempotent-replayed':
      return null;
    case 'cache-status':
      return withoutOwnName(value);
    default:
      return locationFor(place, value);
  }
}

/**
 * A `Cache-Status` (RFC 9211) without members that bear the gateway's name, which are the gateway's alone.
 */
function withoutOwnName(field: string): string | null {
  if (!/oncegate/i.test(field)) return field;
  try {
    const others = parseList(field).filter(([cache]) => String(cache).toLowerCase() !== 'oncegate');
    return others.length === 0 ? null : serializeList(others);
  } catch {
    // Nobody can tell whose members these are.
    return null;
  }
}
