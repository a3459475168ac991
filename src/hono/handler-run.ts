/** @module Runs the handler for the ledger, and hands its response on. Runs in: the Worker. */

import type { Context, Next } from 'hono';
import { packHead } from '../packed-head.ts';

/**
 * Runs what comes after the middleware, in the invocation that the ledger made for it. The response leaves as
 * it is here: what middleware before has put into its fields, or does to them on the way out, belongs to each
 * request and not to the record.
 */
export async function runHandler(c: Context, next: Next): Promise<void> {
  takeFields(c);
  try {
    await next();
  } catch (thrown) {
    // Hono makes a response of an Error alone. Anything else would end the invocation, as if the Worker had
    // died.
    throw thrown instanceof Error ? thrown : new Error('the handler threw no Error', { cause: thrown });
  }
  replaceResponse(c, packHead(c.res));
}

/** Gives the client the response, and with it the fields that middleware before has set for this request. */
export function respondWith(c: Context, response: Response): void {
  const { headers } = response;
  for (const [name, value] of takeFields(c)) {
    if (name === 'set-cookie' || name === 'vary') headers.append(name, value);
    // Who may read the response is up to the CORS of the app, where it has one.
    else if (name.startsWith('access-control-') || !headers.has(name)) headers.set(name, value);
  }
  replaceResponse(c, response);
}

/** The fields that were set for a response to come, which has none of them any more. */
function takeFields(c: Context): [name: string, value: string][] {
  const { headers } = c.res;
  const fields = [...headers];
  for (const [name] of fields) headers.delete(name);
  return fields;
}

/** Hono would give the new response the fields of the one before. */
function replaceResponse(c: Context, response: Response): void {
  c.res = undefined;
  c.res = response;
}
