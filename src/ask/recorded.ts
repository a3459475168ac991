import { log, textOf } from '../log.ts';
import type { AskedAnswer, LeaseGrant, LedgerCall, Refusal } from '../protocol.ts';
import { DamagedRecordError, reportDamage } from '../record/record.ts';
import { discard, getResult } from '../record/results.ts';

/** What is looked for in RESULTS. */
export interface Sought extends Pick<LedgerCall, 'id' | 'secret'> {
  /** For the log. */
  readonly route: string;
  /** Why a record with this fingerprint is not for who asks; `null` where it is. */
  readonly faultOf: (fingerprint: string) => Refusal | null;
}

/** What the ledger says of a result that RESULTS has. */
export interface Archived {
  readonly completedAt: number;
  readonly lease: LeaseGrant;
}

/**
 * A recorded result, if RESULTS has it. Records never change, so one whose fingerprint matches is safe to replay whether
 * or not the ledger can be asked. Where the ledger has said which run it is of, no other will do.
 */
export async function recordedIn(
  results: KVNamespace,
  { id, secret, route, faultOf }: Sought,
  archived?: Archived,
): Promise<AskedAnswer | null> {
  try {
    const record = await getResult(results, { id, completedAt: archived?.completedAt ?? null }, secret);
    if (record === null) return null;
    const { head, body } = record;
    if (archived !== undefined && head.completedAt !== archived.completedAt) {
      await discard(body);
      return null;
    }
    const reason = faultOf(head.fingerprint);
    if (reason !== null) {
      await discard(body);
      return { outcome: 'refused', reason };
    }
    const { size, expiresAt } = head;
    return { outcome: 'replayed', head, body, size, expiresAt, lease: archived?.lease ?? null };
  } catch (error) {
    if (error instanceof DamagedRecordError) {
      reportDamage('results', error);
      return { outcome: 'refused', reason: 'record-damaged' };
    }
    log('error', 'results-read-failed', { route, reason: textOf(error) });
    return null;
  }
}
