/** @module Checks of options. Runs in: any runtime. */

/** The longest delay every runtime's timer can hold, in milliseconds (2^31 − 1, some 24.8 days). */
export const MAX_TIMER_MS = 2_147_483_647;

/** An integer option within bounds, or a `TypeError` that names it. */
export function checkInteger(
  name: string,
  value: unknown,
  min: number,
  max = Number.MAX_SAFE_INTEGER,
): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
  throw new TypeError(`${name}: expected an integer from ${min} to ${max}, got ${shown(value)}`);
}

/** A function option that may be absent, or a `TypeError` that names it. */
export function checkOptionalFunction(name: string, value: unknown): void {
  if (value === undefined || typeof value === 'function') return;
  throw new TypeError(`${name}: expected a function, got ${shown(value)}`);
}

/** An optional store, recognised by its methods, or a `TypeError` that names the option. */
export function checkOptionalStore(name: string, value: unknown): void {
  if (value === undefined) return;
  const store = value as { readonly get?: unknown; readonly set?: unknown } | null;
  if (typeof store?.get === 'function' && typeof store.set === 'function') return;
  throw new TypeError(`${name}: expected a ResultStore with get and set, got ${shown(value)}`);
}

/** A non-empty string, or a `TypeError` that names the option. */
export function checkText(name: string, value: unknown): string {
  if (typeof value === 'string' && value !== '') return value;
  throw new TypeError(`${name}: expected a non-empty string, got ${shown(value)}`);
}

function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 60));
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}
