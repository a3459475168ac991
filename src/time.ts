/** @module Lengths of time, in milliseconds. Runs in: the Worker, the ledger object. */

/** A second. */
export const SECOND_MS = 1_000;
/** A minute. */
export const MINUTE_MS = 60 * SECOND_MS;
/** An hour. */
export const HOUR_MS = 60 * MINUTE_MS;
/** A day. */
export const DAY_MS = 24 * HOUR_MS;
