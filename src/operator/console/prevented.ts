import type { Totals } from '../../counters.ts';

/** Requests that were the retry of another and did not run. A reused key is none: it is another request. */
export function prevented({ replays, joins, inProgress, outcomeUnknown, notRecorded }: Totals): number {
  return replays + joins + inProgress + outcomeUnknown + notRecorded;
}
