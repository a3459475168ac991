/** @module Which handlers of an app are this middleware. Runs in: the Worker. */

import { findTargetHandler } from 'hono/utils/handler';
import type { CheckedOptions } from './checked-options.ts';

/** The middleware that was made in this isolate. */
const made = new WeakMap<object, CheckedOptions>();

/** Remembers the options of a middleware. */
export function remember(middleware: object, options: CheckedOptions): void {
  made.set(middleware, options);
}

/**
 * The options of a route's handler that is our middleware; `null` where it is another. Hono wraps the
 * handlers of an app with an error handler of its own that is mounted in another.
 */
export function optionsOf(handler: unknown): CheckedOptions | null {
  return isHandler(handler) ? (made.get(findTargetHandler(handler)) ?? null) : null;
}

function isHandler(handler: unknown): handler is Parameters<typeof findTargetHandler>[0] {
  return typeof handler === 'function';
}
