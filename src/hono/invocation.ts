/**
 * @module The invocation that a request came in, and what is said where it lacks something.
 * Runs in: the Worker.
 */

import type { Context } from 'hono';
import { log } from '../log.ts';
import { problemResponse } from '../response/problem.ts';

/** The invocation's context; `null` where the app did not get it, or not as it is. */
export function contextOf(c: Context): ExecutionContext | null {
  try {
    const ctx: unknown = c.executionCtx;
    return isWholeContext(ctx) ? ctx : null;
  } catch {
    return null;
  }
}

/** Without `props`, nobody could tell the ledger's own invocations from others. */
function isWholeContext(ctx: unknown): ctx is ExecutionContext {
  return typeof ctx === 'object' && ctx !== null && 'waitUntil' in ctx && 'props' in ctx;
}

/** What the log has been told is missing. It is told once, however many requests come. */
export type Said = Set<string>;

/** The problem of a Worker that lacks something, for whoever builds the app: the log is told, too. */
export function configInvalid(c: Context, detail: string, said: Said): Response {
  if (!said.has(detail)) log('error', 'config-invalid', { detail });
  said.add(detail);
  return problemResponse(new URL(c.req.url), { slug: 'config-invalid', detail });
}
