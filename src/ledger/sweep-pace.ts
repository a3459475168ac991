/** @module How much a sweep does at a time. Runs in: the ledger object. */

/** Rows that a part of the sweep looks at before it lets requests through again. */
export const SWEEP_ROWS = 1_000;

/** When to look again at what could not be done now. */
export const RETRY_MS = 30_000;

/** The earlier of two times; `null` is never. */
export function soonest(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.min(a, b);
}
