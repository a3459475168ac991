import { pause } from '../deadline.ts';
import { log, textOf } from '../log.ts';
import type {
  AskedAnswer,
  LeaseGrant,
  LedgerAnswer,
  LedgerCall,
  LedgerInspection,
  LedgerNamespace,
  LedgerStub,
  Location,
} from '../protocol.ts';
import { DamagedRecordError, reportDamage } from '../record/record.ts';
import { discard, getResult } from '../record/results.ts';
import { differenceOf } from '../request/fingerprint.ts';

/** Where a Worker finds what is recorded. */
export interface LedgerAccess {
  readonly ledger: LedgerNamespace;
  readonly results: KVNamespace;
}

/** Which ledger objects a route has. */
export interface LedgerObjects {
  /** The route's path pattern: its objects are named after it. */
  readonly path: string;
  readonly shards: number;
  readonly location: Location | null;
}

/** Which of its route's ledger objects an execution belongs to: its digest modulo their number. */
export function shardOf(id: string, shards: number): number {
  const digest = Uint8Array.fromBase64(id, { alphabet: 'base64url' });
  return new DataView(digest.buffer).getUint32(0) % shards;
}

/** A ledger object of a route. Throws where the platform refuses even to name it. */
export function reachLedger(
  { ledger }: Pick<LedgerAccess, 'ledger'>,
  route: LedgerObjects,
  shard: number,
): LedgerStub & LedgerInspection {
  return ledger.getByName(
    `${route.path}:${shard}`,
    route.location === null ? {} : { locationHint: route.location },
  );
}

/** Asks the ledger, and RESULTS where the ledger sends us there or cannot be reached. Never rejects. */
export async function askLedger(
  access: LedgerAccess,
  route: LedgerObjects,
  shard: number,
  call: LedgerCall,
): Promise<AskedAnswer> {
  const reach = () => reachLedger(access, route, shard);
  let ledger: LedgerStub;
  try {
    ledger = reach();
  } catch (error) {
    log('error', 'ledger-unreachable', { route: route.path, shard, reason: textOf(error) });
    return (await fromResults(access, call)) ?? { outcome: 'unavailable' };
  }
  try {
    return await settled(access, call, await ledger.execute(call));
  } catch (error) {
    log('error', 'ledger-unreachable', { route: route.path, shard, reason: textOf(error) });
    return (await fromResults(access, call)) ?? (await afterLostAnswer(access, call, reach, error));
  }
}

/** The ledger's answer, with the result itself where it says that RESULTS has it. */
async function settled(
  access: LedgerAccess,
  call: Omit<LedgerCall, 'body'>,
  answer: LedgerAnswer,
): Promise<AskedAnswer> {
  if (answer.outcome !== 'archived') return answer;
  return (await fromResults(access, { ...call, id: answer.id }, answer)) ?? { outcome: 'unreadable' };
}

/**
 * A recorded result, if RESULTS has it. Records never change, so one whose fingerprint matches is safe to replay whether
 * or not the ledger can be asked. KV may still show the record of an earlier execution of this key, so where the ledger
 * has said which one it is, no other will do.
 */
async function fromResults(
  access: LedgerAccess,
  call: Omit<LedgerCall, 'body'>,
  archived?: { readonly completedAt: number; readonly lease: LeaseGrant },
): Promise<AskedAnswer | null> {
  try {
    const record = await getResult(access.results, call.id, call.secret);
    if (record === null) return null;
    const { head, body } = record;
    if (archived !== undefined && head.completedAt !== archived.completedAt) {
      await discard(body);
      return null;
    }
    if (head.fingerprint !== call.fingerprint) {
      await discard(body);
      return { outcome: 'refused', reason: differenceOf(head.fingerprint, call.fingerprint) };
    }
    const { size, expiresAt } = head;
    return { outcome: 'replayed', head, body, size, expiresAt, lease: archived?.lease ?? null };
  } catch (error) {
    if (error instanceof DamagedRecordError) {
      reportDamage('results', error);
      return { outcome: 'refused', reason: 'record-damaged' };
    }
    log('error', 'results-read-failed', { route: call.policy.route, reason: textOf(error) });
    return null;
  }
}

/**
 * What can be said when the ledger's answer was lost. It is asked again, in a way that starts nothing: what runs is
 * joined, what is recorded is replayed. An object that was ended is back soon, and takes a stub of its own. That it knows
 * nothing, or cannot be reached any more, proves nothing: a run that failed leaves no trace.
 */
async function afterLostAnswer(
  access: LedgerAccess,
  call: LedgerCall,
  reach: () => LedgerStub,
  error: unknown,
): Promise<AskedAnswer> {
  const { body: _, ...bodiless } = call;
  const unsent = { outcome: beganNothing(error) ? 'unavailable' : 'interrupted' } as const;
  if (isFlagged(error, 'overloaded')) return unsent;
  for (const delayMs of RECALL_AFTER_MS) {
    await pause(delayMs);
    try {
      const answer = await reach().recall(bodiless);
      return answer === null ? unsent : await settled(access, bodiless, answer);
    } catch (again) {
      log('error', 'ledger-unreachable', { route: call.policy.route, reason: textOf(again) });
    }
  }
  return unsent;
}

/** How long after the last attempt each recall is made. */
const RECALL_AFTER_MS = [0, 200, 800];

/**
 * Whether the error proves that no run was begun. An overloaded object refuses requests before they reach it; and what the
 * ledger throws itself it throws before it has written or sent anything. Any other error may have come after.
 */
function beganNothing(error: unknown): boolean {
  if (isFlagged(error, 'overloaded')) return true;
  const onTheWay = isFlagged(error, 'retryable') || isFlagged(error, 'durableObjectReset');
  return isFlagged(error, 'remote') && !onTheWay;
}

/** The runtime marks the errors of Durable Object calls with properties. */
function isFlagged(
  error: unknown,
  flag: 'overloaded' | 'durableObjectReset' | 'remote' | 'retryable',
): boolean {
  return error instanceof Error && Reflect.get(error, flag) === true;
}
