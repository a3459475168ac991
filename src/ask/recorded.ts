/** @module A recorded result, read from RESULTS. Runs in: the Worker. */

import { isolateMemory } from '../isolate-memory.ts';
import { log, requestFields, textOf } from '../log.ts';
import type { AskedAnswer, LeaseGrant, LedgerCall, Refusal } from '../protocol.ts';
import { type BodyReading, Readers } from '../record/readers.ts';
import { type BrokenOff, DamagedRecordError, reportBrokenOff, reportDamage } from '../record/record.ts';
import { discard, getResult } from '../record/results.ts';

/** Of all that is replayed from RESULTS in this isolate. */
const readers = new Readers(isolateMemory);
isolateMemory.join(Symbol('readers'), readers);

/** What is looked for in RESULTS. */
export interface Lookup
  extends Pick<LedgerCall, 'id' | 'secret' | 'caller' | 'address' | 'method' | 'path' | 'trace'> {
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
 * A recorded result, if RESULTS has it. Records never change, so one whose fingerprint matches is safe to
 * replay whether or not the ledger can be asked. Where the ledger has said which run it is of, no other will
 * do.
 */
export async function recordedIn(
  results: KVNamespace,
  { id, secret, caller, address, route, faultOf, method, path, trace }: Lookup,
  archived?: Archived,
): Promise<AskedAnswer | null> {
  let reader: BodyReading | null = null;
  const watched = {
    moved: () => reader?.moved(),
    ended: (broken?: BrokenOff) => {
      reader?.leave();
      if (broken !== undefined) reportBrokenOff('results', broken, { id, method, path, trace });
    },
  };
  try {
    const run = { id, completedAt: archived?.completedAt ?? null };
    const record = await getResult(results, run, secret, watched);
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
    if (body instanceof ReadableStream) {
      const entered = readers.enter(address === null ? [caller] : [caller, address]);
      if (typeof entered === 'string') {
        await discard(body);
        return { outcome: 'refused', reason: entered };
      }
      reader = entered;
    }
    const { size, expiresAt } = head;
    return { outcome: 'replayed', head, body, size, expiresAt, lease: archived?.lease ?? null };
  } catch (error) {
    if (error instanceof DamagedRecordError) {
      reportDamage('results', error, { id, method, path, trace });
      return { outcome: 'refused', reason: 'record-damaged' };
    }
    const about = requestFields({ id, method, path, trace });
    log('error', 'results-read-failed', { route, reason: textOf(error), ...about });
    return null;
  }
}
