/** @module Forgets executions, one or several. Runs in: the ledger object. */

import type { Forgotten, ForgottenCounts } from '../inspection.ts';
import { log, textOf } from '../log.ts';
import type { LedgerParts } from './parts.ts';
import type { Sweeper } from './sweeper.ts';

/** Records that are removed from RESULTS at the same time. */
const CONCURRENCY = 6;

/**
 * Forgets an execution, in RESULTS and here. Rejects where RESULTS is out of reach: it is still known then.
 */
export async function forget(
  id: string,
  { runs, rows }: Pick<LedgerParts, 'runs' | 'rows'>,
  sweeper: Sweeper,
): Promise<Forgotten> {
  if (runs.has(id)) return 'running';
  const row = rows.find(id);
  if (row === null || row.expiresAt <= Date.now()) return 'absent';
  await sweeper.forget(row);
  return 'forgotten';
}

/**
 * Forgets executions, some at a time. One whose record cannot be removed stays, and is counted as `failed`.
 */
export async function forgetAll(
  ids: readonly string[],
  parts: Pick<LedgerParts, 'runs' | 'rows'>,
  sweeper: Sweeper,
): Promise<ForgottenCounts> {
  const counts = { forgotten: 0, absent: 0, running: 0, failed: 0 };
  const waiting = ids.values();
  const work = async () => {
    for (const id of waiting) {
      try {
        counts[await forget(id, parts, sweeper)] += 1;
      } catch (error) {
        counts.failed += 1;
        log('warn', 'not-forgotten', { execution: id, reason: textOf(error) });
      }
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
  return counts;
}
