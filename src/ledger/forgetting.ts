import type { Forgotten, ForgottenCounts } from '../inspection.ts';
import { log, textOf } from '../log.ts';

/** Records that are removed from RESULTS at the same time. */
const CONCURRENCY = 6;

/** Forgets executions, some at a time. One whose record cannot be removed stays, and is counted as `failed`. */
export async function forgetAll(
  ids: readonly string[],
  forget: (id: string) => Promise<Forgotten>,
): Promise<ForgottenCounts> {
  const counts = { forgotten: 0, absent: 0, running: 0, failed: 0 };
  const waiting = ids.values();
  const work = async () => {
    for (const id of waiting) {
      try {
        counts[await forget(id)] += 1;
      } catch (error) {
        counts.failed += 1;
        log('warn', 'not-forgotten', { execution: id, reason: textOf(error) });
      }
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
  return counts;
}
