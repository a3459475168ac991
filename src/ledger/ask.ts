import type { Config, Route } from '../config.ts';
import { log, textOf } from '../log.ts';
import type { ExecutionState, LedgerAnswer, LedgerCall } from './call.ts';
import { DamagedRecordError, reportDamage } from './record.ts';
import { discard, getResult } from './results.ts';

/**
 * `unavailable`: the ledger cannot be reached, and nothing was sent upstream. `interrupted`: the connection to it was lost
 * while the request may have been running, so its outcome is unknown.
 */
export type AskedAnswer =
  | Exclude<LedgerAnswer, { outcome: 'archived' }>
  | { readonly outcome: 'unavailable' }
  | { readonly outcome: 'interrupted' };

/** Which of its route's ledger objects an execution belongs to: its digest modulo their number. */
export function shardOf(id: string, shards: number): number {
  const digest = Uint8Array.fromBase64(id, { alphabet: 'base64url' });
  return new DataView(digest.buffer).getUint32(0) % shards;
}

/** Asks the ledger, and RESULTS where the ledger sends us there or cannot be reached. Never rejects. */
export async function askLedger(
  config: Config,
  route: Route,
  shard: number,
  call: LedgerCall,
): Promise<AskedAnswer> {
  const ledger = () =>
    config.ledger.getByName(
      `${route.path}:${shard}`,
      route.location === null ? {} : { locationHint: route.location },
    );
  try {
    const answer = await ledger().execute(call);
    if (answer.outcome !== 'archived') return answer;
    return (await fromResults(config, call, answer.completedAt)) ?? { outcome: 'unavailable' };
  } catch (error) {
    log('error', 'ledger-unreachable', { route: route.path, shard, reason: textOf(error) });
    return (
      (await fromResults(config, call)) ??
      (await afterLostConnection(error, async () => ledger().state(call.id)))
    );
  }
}

/**
 * A recorded result, if RESULTS has it. Records never change, so one whose fingerprint matches is safe to replay whether
 * or not the ledger can be asked. KV may still show the record of an earlier execution of this key, so where the ledger
 * has said which one it is, no other will do.
 */
async function fromResults(
  config: Config,
  call: LedgerCall,
  completedAt?: number,
): Promise<AskedAnswer | null> {
  try {
    const record = await getResult(config.results, call.id, call.secret);
    if (record === null) return null;
    const { head, body } = record;
    if (completedAt !== undefined && head.completedAt !== completedAt) {
      await discard(body);
      return null;
    }
    if (head.fingerprint !== call.fingerprint) {
      await discard(body);
      return { outcome: 'refused', reason: 'key-reused' };
    }
    return { outcome: 'replayed', head, body, size: head.size, expiresAt: head.expiresAt };
  } catch (error) {
    if (error instanceof DamagedRecordError) {
      reportDamage('results', error);
      return { outcome: 'refused', reason: 'not-recorded' };
    }
    log('error', 'results-read-failed', { route: call.route, reason: textOf(error) });
    return null;
  }
}

/**
 * What can be said when the ledger gave no answer. If it did not begin, its state is `absent` and nothing was sent; if it
 * cannot say that, and the object broke with the request in it, the request may have been sent.
 */
async function afterLostConnection(
  error: unknown,
  state: () => Promise<ExecutionState>,
): Promise<AskedAnswer> {
  if (isFlagged(error, 'overloaded')) return { outcome: 'unavailable' };
  try {
    return (await state()) === 'absent' ? { outcome: 'unavailable' } : { outcome: 'interrupted' };
  } catch (again) {
    log('error', 'ledger-unreachable', { reason: textOf(again) });
    return { outcome: isFlagged(error, 'durableObjectReset') ? 'interrupted' : 'unavailable' };
  }
}

/** The runtime marks the errors of Durable Object calls with properties. */
function isFlagged(error: unknown, flag: 'overloaded' | 'durableObjectReset'): boolean {
  return error instanceof Error && Reflect.get(error, flag) === true;
}
