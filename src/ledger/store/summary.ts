/** @module What was counted, for the operator. Runs in: the ledger object. */

import type { LedgerSummary } from '../../inspection.ts';
import type { Counts } from './counts.ts';
import type { Listing } from './listing.ts';

/** What was counted, from a minute on, so many minutes at once; and how it is now. */
export function summaryOf(
  { counts, runs }: { readonly counts: Counts; readonly runs: { readonly size: number } },
  listing: Listing,
  sinceMinute: number,
  minutesAtOnce = 1,
): LedgerSummary {
  return {
    totals: counts.totals,
    minutes: counts.since(sinceMinute, minutesAtOnce),
    running: runs.size,
    unknown: listing.unknown(),
  };
}
