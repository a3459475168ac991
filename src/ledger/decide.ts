/**
 * @module What a keyed request gets, by the state of the execution that its key names. Pure: no clock, no
 * storage, no promise. Whatever acts on a decision does so in the same turn, so that nothing comes in
 * between. Runs in: the ledger object.
 *
 *     absent              → execute, unless a limit refuses it
 *     running             → join, or refuse: in-progress
 *     completed           → replay, or refuse: not-recorded
 *     completed elsewhere → the request is an execution of its own, apart from its key's
 *     unknown             → execute under `retry`, refuse under `refuse`: outcome-unknown
 *     another request     → refuse: key-reused, or other-credentials
 */

import type { LedgerCall, LimitRefusal, Policy, Refusal } from '../protocol.ts';
import { differenceOf, isBoundTo } from '../request/fingerprint.ts';
import type { CompletedRow, Row } from './store/row.ts';

/** What has to be known of a run to decide. */
export interface RunningExecution {
  readonly fingerprint: string;
  /** Whether a caller that comes now can still read its response from the first byte. */
  readonly readable: boolean;
}

/** What has to be known of a request to decide. */
export type Asked = Pick<LedgerCall, 'id' | 'fingerprint'> & {
  readonly policy: Pick<Policy, 'concurrent' | 'unknownOutcome' | 'ttlMs'>;
};

/** What is known of the execution that a request names. */
export interface Known<Run extends RunningExecution> {
  readonly run: Run | null;
  readonly row: Row | null;
  /** What stands against beginning another execution. Asked only where one would begin. */
  readonly limit: () => LimitRefusal | null;
}

/** What a request gets. */
export type Decision<Run extends RunningExecution> =
  /** `replaces`: a row that no longer counts, and is to make way. */
  | { readonly kind: 'execute'; readonly replaces: Row | null }
  | { readonly kind: 'join'; readonly run: Run }
  | { readonly kind: 'replay'; readonly row: CompletedRow }
  | { readonly kind: 'refuse'; readonly reason: Refusal }
  /**
   * The upstream sent this key's client elsewhere, having done nothing. He comes there with the same key, so
   * each request under it is an execution of its own: see {@link idApart}. `renew`: somebody begins anew, so
   * the row is to live another TTL.
   */
  | { readonly kind: 'apart'; readonly row: CompletedRow; readonly renew: boolean };

/** `now` is in milliseconds since the epoch. */
export function decide<Run extends RunningExecution>(
  asked: Asked,
  { run, row, limit }: Known<Run>,
  now: number,
): Decision<Run> {
  const { fingerprint, policy } = asked;
  if (run !== null) {
    if (run.fingerprint !== fingerprint) return anotherRequest(run, fingerprint);
    return policy.concurrent === 'wait' && run.readable ? { kind: 'join', run } : refuse('in-progress');
  }
  if (row !== null && row.expiresAt > now) {
    const sentElsewhere = row.state === 'completed' && row.place === 'elsewhere';
    const isApart = asked.id === idApart(asked);
    if (sentElsewhere && !isApart) {
      const beginsAnew = row.fingerprint === fingerprint;
      return { kind: 'apart', row, renew: beginsAnew && row.expiresAt - now < policy.ttlMs / 2 };
    }
    const maySendAgain = row.state !== 'completed' && policy.unknownOutcome === 'retry';
    if (!sentElsewhere && !maySendAgain) {
      if (row.fingerprint !== fingerprint) return anotherRequest(row, fingerprint);
      if (row.state !== 'completed') return refuse('outcome-unknown');
      return row.place === 'nowhere' ? refuse('not-recorded') : { kind: 'replay', row };
    }
  }
  const reason = limit();
  return reason === null ? { kind: 'execute', replaces: row } : refuse(reason);
}

/** What somebody gets who comes back for a result, without the request that it is of. */
export type Result =
  | { readonly kind: 'absent' | 'runs' }
  | Extract<Decision<RunningExecution>, { kind: 'replay' | 'refuse' }>;

/**
 * The same table for who comes back. `binding`: a digest of credentials that bind the request; `null` where
 * there are none.
 */
export function resultOf(
  { run, row }: Pick<Known<RunningExecution>, 'run' | 'row'>,
  binding: string | null,
  now: number,
): Result {
  const known = run ?? (row !== null && row.expiresAt > now ? row : null);
  if (known === null) return { kind: 'absent' };
  if (!isBoundTo(known.fingerprint, binding)) return refuse('other-credentials');
  if (run !== null || row === null) return { kind: 'runs' };
  if (row.state !== 'completed') return refuse('outcome-unknown');
  if (row.place === 'elsewhere') return { kind: 'absent' };
  return row.place === 'nowhere' ? refuse('not-recorded') : { kind: 'replay', row };
}

function refuse(reason: Refusal) {
  return { kind: 'refuse', reason } as const;
}

/** The key is known, and this is another request than the one that is known by it. */
function anotherRequest(known: { readonly fingerprint: string }, fingerprint: string) {
  return refuse(differenceOf(known.fingerprint, fingerprint));
}

/** The first characters of an id say in which ledger object it is. */
const SHARD_CHARACTERS = 6;
const ID_CHARACTERS = 43;

/**
 * The name of an execution that its key alone does not name, but its key and what it asks for: the
 * fingerprint covers both. It is in the same ledger object as the key's.
 */
export function idApart({ id, fingerprint }: Pick<LedgerCall, 'id' | 'fingerprint'>): string {
  return id.slice(0, SHARD_CHARACTERS) + fingerprint.slice(SHARD_CHARACTERS, ID_CHARACTERS);
}
