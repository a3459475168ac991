/**
 * @module What is said of an execution, for people: once for the console and the command line.
 * Runs in: the Worker.
 */

import type { FailureReason } from '../inspection.ts';
import type { Place } from '../protocol.ts';
import type { Execution } from './schemas.ts';

const PLACES: Readonly<Record<Place, string>> = {
  ledger: 'in the ledger',
  'ledger-alone': 'in the ledger alone',
  results: 'in RESULTS',
  nowhere: 'not recorded',
  elsewhere: 'sent elsewhere',
};

/** Where the recorded body is. */
export function placeText({ place }: Pick<Execution, 'place'>): string {
  return PLACES[place ?? 'nowhere'];
}

/** How many requests came for it after the first, whatever they got. */
export function repeatsOf({ replays, joins, refusals }: Execution): number {
  return replays + joins + Object.values(refusals).reduce((sum, n) => sum + n, 0);
}

/** How a run failed. */
export const FAILURE_TEXTS: Readonly<Record<FailureReason, string>> = {
  status: 'counts as a failure',
  'said-failed': 'its body says that it failed',
  'sent-elsewhere': 'sends the client elsewhere',
  'no-response': 'no response, or none to its end',
  timeout: 'fell silent',
  cancelled: 'all clients had left',
};
