import type { Totals } from '../../counters.ts';

/** Requests that were the retry of another and did not run. A reused key is none: it is another request. */
export function prevented(totals: Totals): number {
  const { replays, joins, inProgress, outcomeUnknown, notRecorded, recordDamaged } = totals;
  return replays + joins + inProgress + outcomeUnknown + notRecorded + recordDamaged;
}
