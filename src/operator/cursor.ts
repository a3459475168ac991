/** @module A place in a list, as a text. Runs in: the Worker. */

import * as v from 'valibot';
import type { Position } from '../inspection.ts';

const fields = v.tuple([v.pipe(v.number(), v.integer()), v.string()]);

/** A place in a list, as a text that a page hands on to the next. */
export function encodeCursor({ receivedAt, id }: Position): string {
  return btoa(JSON.stringify([receivedAt, id]));
}

/** `null` where no page has given this text. */
export function decodeCursor(cursor: string): Position | null {
  try {
    const [receivedAt, id] = v.parse(fields, JSON.parse(atob(cursor)));
    return { receivedAt, id };
  } catch {
    return null;
  }
}
