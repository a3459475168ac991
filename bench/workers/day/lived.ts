/**
 * What is lived, and what comes of it: plain values, which the Worker that lives it and who started it have
 * in common.
 */
import type { Counts } from './tally.ts';

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

/** By how much of its mean a day has more requests in its busiest hour, and fewer in its quietest. */
export const SWING = 0.75;

/** A stretch of time in the life of one ledger object. */
export interface DayOptions {
  readonly seed: number;
  readonly shard: number;
  readonly shards: number;
  /** Of all ledger objects. */
  readonly requestsPerDay: number;
  readonly ttlMs: number;
  /** At what time of the day it begins. */
  readonly startsAtMs: number;
  /** For so long requests come that are not counted: so that as many results end, later, as are recorded. */
  readonly warmUpMs: number;
  /** Then for so long, in so many parts. */
  readonly countedMs: number;
  readonly parts: number;
  /** The runtime gets its turn after each thing that is done: slow, and to the same end. */
  readonly thorough?: boolean;
}

/** How things stood at the end of a part, and what was counted since the beginning of the first. */
export interface Part {
  readonly counts: Counts;
  readonly databaseBytes: number;
  /** Rows that are past their TTL, of the thousand oldest, and for how long the oldest has been. */
  readonly overdueRows: number;
  readonly overdueMs: number;
}

export interface Day {
  readonly parts: readonly Part[];
  readonly words: Readonly<Record<string, number>>;
  readonly violations: readonly string[];
  /** When nobody has asked for anything for a TTL. */
  readonly rowsLeft: number;
  /** Keys of which somebody still waits for an answer then. */
  readonly unanswered: number;
}
