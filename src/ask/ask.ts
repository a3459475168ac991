/**
 * @module How a Worker asks the ledger, and RESULTS where the ledger sends it there or is out of reach.
 * Runs in: the Worker.
 */

import { pause } from '../deadline.ts';
import type { LedgerInspection, LedgerNamespace } from '../inspection.ts';
import { type LoggedRequest, log, requestFields, textOf } from '../log.ts';
import type {
  AskedAnswer,
  LedgerAnswer,
  LedgerCall,
  LedgerStub,
  Location,
  ResultQuery,
} from '../protocol.ts';
import { differenceOf, isBoundTo } from '../request/fingerprint.ts';
import { misconfiguredLedger } from './misconfigured.ts';
import { type Archived, recordedIn } from './recorded.ts';

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
    reportUnreachable(route, shard, error, call);
    return (await recordOf(access, route, call)) ?? { outcome: 'unavailable' };
  }
  try {
    return await settled(access, route, call, await ledger.execute(call));
  } catch (error) {
    const misconfigured = misconfiguredLedger(error);
    if (misconfigured !== null) return misconfigured;
    reportUnreachable(route, shard, error, call);
    return (
      (await recordOf(access, route, call)) ?? (await afterLostAnswer(access, route, call, reach, error))
    );
  }
}

/**
 * Asks what became of an execution, as above. `absent`: there is no result, or none that the ledger knows of
 * while RESULTS may not show it yet. Never rejects.
 */
export async function askResult(
  access: LedgerAccess,
  route: LedgerObjects,
  shard: number,
  query: ResultQuery,
): Promise<AskedAnswer | { readonly outcome: 'absent' }> {
  const faultOf = (recorded: string) => (isBoundTo(recorded, query.binding) ? null : 'other-credentials');
  try {
    const answer = await reachLedger(access, route, shard).result(query);
    if (answer === null) return { outcome: 'absent' };
    if (answer.outcome !== 'archived') return answer;
    return (await recordedIn(access.results, { ...query, faultOf }, answer)) ?? { outcome: 'unreadable' };
  } catch (error) {
    const misconfigured = misconfiguredLedger(error);
    if (misconfigured !== null) return misconfigured;
    reportUnreachable(route, shard, error, query);
    return (await recordedIn(access.results, { ...query, faultOf })) ?? { outcome: 'unavailable' };
  }
}

/** The ledger's answer, with the result itself where it says that RESULTS has it. */
async function settled(
  access: LedgerAccess,
  route: LedgerObjects,
  call: Omit<LedgerCall, 'body'>,
  answer: LedgerAnswer,
): Promise<AskedAnswer> {
  if (answer.outcome !== 'archived') return answer;
  return (await recordOf(access, route, { ...call, id: answer.id }, answer)) ?? { outcome: 'unreadable' };
}

function recordOf(
  { results }: LedgerAccess,
  { path: route }: LedgerObjects,
  { id, secret, caller, address, fingerprint, method, path, trace }: Omit<LedgerCall, 'body'>,
  archived?: Archived,
): Promise<AskedAnswer | null> {
  const faultOf = (recorded: string) =>
    recorded === fingerprint ? null : differenceOf(recorded, fingerprint);
  return recordedIn(results, { id, secret, caller, address, method, path, trace, route, faultOf }, archived);
}

/**
 * What can be said when the ledger's answer was lost. It is asked again, in a way that starts nothing: what
 * runs is joined, what is recorded is replayed. An object that was ended is back soon, and takes a stub of
 * its own. That it knows nothing, or cannot be reached any more, proves nothing: a run that failed leaves no
 * trace.
 */
async function afterLostAnswer(
  access: LedgerAccess,
  route: LedgerObjects,
  call: LedgerCall,
  reach: () => LedgerStub,
  error: unknown,
): Promise<AskedAnswer> {
  const { body: _, ...bodiless } = { ...call, presence: null };
  const unsent = { outcome: beganNothing(error) ? 'unavailable' : 'interrupted' } as const;
  if (isFlagged(error, 'overloaded')) return unsent;
  for (const delayMs of RECALL_AFTER_MS) {
    await pause(delayMs);
    try {
      const answer = await reach().recall(bodiless);
      return answer === null ? unsent : await settled(access, route, bodiless, answer);
    } catch (again) {
      const fields = { route: route.path, reason: textOf(again), ...requestFields(call) };
      log('error', 'ledger-unreachable', fields);
    }
  }
  return unsent;
}

/** How long after the last attempt each recall is made. */
const RECALL_AFTER_MS = [0, 200, 800];

/**
 * Whether the error proves that no run was begun. An overloaded object refuses requests before they reach it;
 * and what the ledger throws itself it throws before it has written or sent anything. Any other error may
 * have come after.
 */
function beganNothing(error: unknown): boolean {
  if (isFlagged(error, 'overloaded')) return true;
  const onTheWay = isFlagged(error, 'retryable') || isFlagged(error, 'durableObjectReset');
  return isFlagged(error, 'remote') && !onTheWay;
}

function reportUnreachable(route: LedgerObjects, shard: number, error: unknown, asked: LoggedRequest): void {
  const fields = { route: route.path, shard, reason: textOf(error), ...requestFields(asked) };
  log('error', 'ledger-unreachable', fields);
}

/** The runtime marks the errors of Durable Object calls with properties. */
function isFlagged(
  error: unknown,
  flag: 'overloaded' | 'durableObjectReset' | 'remote' | 'retryable',
): boolean {
  return error instanceof Error && Reflect.get(error, flag) === true;
}
