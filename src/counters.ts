/** @module What a ledger object counts. Runs in: the Worker, the ledger object. */

import { BUCKETS } from './histogram.ts';

/**
 * What a ledger object counts, over all of its executions. Each is a sum that only grows; those that end in
 * `Ms` are milliseconds and those that end in `Bytes` bytes.
 */
export const COUNTERS = [
  /** Requests sent upstream, and what became of them. */
  'runs',
  'recorded',
  'failed',
  'unknown',
  'tooLarge',
  /** Of those with an unknown outcome: the ones that were ended because nobody waited for them any more. */
  'cancelled',
  /** Requests that were answered without sending anything. */
  'replays',
  'joins',
  'keyReused',
  'inProgress',
  'outcomeUnknown',
  'notRecorded',
  'recordDamaged',
  'overLimit',
  'ledgerFull',
  'replayedBytes',
  /** Time that the upstream took for what was recorded, and would have taken again for what was replayed. */
  'upstreamMs',
  'savedMs',
  /** How long what was recorded took, in buckets; and, in all, what the ledger object added to it. */
  ...BUCKETS,
  'addedMs',
  /**
   * Wrong operator tokens, and attempts that were not looked at as too many came before them. In the first
   * object alone.
   */
  'loginsFailed',
  'loginsTurnedAway',
] as const;

/** The name of one of them. */
export type Counter = (typeof COUNTERS)[number];

/** A value for each counter. */
export type Totals = Readonly<Record<Counter, number>>;

/** Zero for each. */
export function noTotals(): Record<Counter, number> {
  return Object.fromEntries(COUNTERS.map((counter) => [counter, 0])) as Record<Counter, number>;
}

/** How much counters have grown. Those that have not are left out. */
export type Growth = Readonly<Partial<Record<Counter, number>>>;

/** The counters added up. */
export function sumOf(all: Iterable<Growth>): Totals {
  const sum = noTotals();
  for (const totals of all) {
    for (const counter of COUNTERS) sum[counter] += totals[counter] ?? 0;
  }
  return sum;
}

/** How much each counter has grown. */
export function growth(from: Totals, to: Totals): Growth {
  const grown: Partial<Record<Counter, number>> = {};
  for (const counter of COUNTERS) {
    if (to[counter] !== from[counter]) grown[counter] = to[counter] - from[counter];
  }
  return grown;
}
