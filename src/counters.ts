/**
 * What a ledger object counts, over all of its executions. Each is a sum that only grows; those that end in `Ms` are
 * milliseconds and those that end in `Bytes` bytes.
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
  /** Wrong operator tokens, and attempts that were not looked at as too many came before them. In the first object alone. */
  'loginsFailed',
  'loginsTurnedAway',
] as const;

export type Counter = (typeof COUNTERS)[number];

export type Totals = Readonly<Record<Counter, number>>;

export function noTotals(): Record<Counter, number> {
  return Object.fromEntries(COUNTERS.map((counter) => [counter, 0])) as Record<Counter, number>;
}

/** The counters added up. */
export function sumOf(all: Iterable<Totals>): Totals {
  const sum = noTotals();
  for (const totals of all) {
    for (const counter of COUNTERS) sum[counter] += totals[counter];
  }
  return sum;
}

/** How much each counter has grown. */
export function growth(from: Totals, to: Totals): Totals {
  const grown = noTotals();
  for (const counter of COUNTERS) grown[counter] = to[counter] - from[counter];
  return grown;
}
