import type { CheckedOptions } from './checked-options.ts';

/** The middleware that was made in this isolate. */
const made = new WeakMap<object, CheckedOptions>();

/** By which Hono remembers what it has wrapped, where the handler of an app with an error handler of its own is mounted in another. */
const WRAPPED = '__COMPOSED_HANDLER';

/** Remembers the options of a middleware. */
export function remember(middleware: object, options: CheckedOptions): void {
  made.set(middleware, options);
}

/** The options of a handler that is our middleware; `null` where it is another. */
export function optionsOf(handler: unknown): CheckedOptions | null {
  for (let inner = handler; typeof inner === 'function'; inner = Reflect.get(inner, WRAPPED)) {
    const options = made.get(inner);
    if (options !== undefined) return options;
  }
  return null;
}
