/**
 * @module Finding and forgetting one execution, over the ledger objects of all routes that may have it.
 * Runs in: the Worker.
 */

import { shardOf } from '../ask/ask.ts';
import { askShards, type Shard } from '../ask/shards.ts';
import type { Config } from '../config.ts';
import type { Forgotten } from '../inspection.ts';
import type { ExecutionDetail } from './schemas.ts';
import { nameOf, type ShardName, timelineOf, toExecution } from './views.ts';

/** What was found of an execution. */
export type FindResult =
  | { readonly kind: 'found'; readonly execution: ExecutionDetail }
  | { readonly kind: 'absent' }
  /** These ledger objects did not answer, and the others do not have it. */
  | { readonly kind: 'unanswered'; readonly shards: readonly ShardName[] };

/** Looks for an execution in each ledger object that may have it. */
export async function findExecution(config: Config, id: string): Promise<FindResult> {
  const { answers, unanswered } = await askShards(config, candidates(config, id), (ledger) =>
    ledger.inspect(id),
  );
  for (const { shard, value } of answers) {
    if (value === null) continue;
    const execution = toExecution(shard, value);
    return { kind: 'found', execution: { ...execution, timeline: timelineOf(execution) } };
  }
  return unanswered.length > 0 ? { kind: 'unanswered', shards: unanswered.map(nameOf) } : { kind: 'absent' };
}

/** What became of forgetting an execution. */
export type ForgetResult = Forgotten | 'unanswered';

/** Why something was not forgotten, as a status and in words. */
export const FORGET_PROBLEMS = {
  absent: [404, 'There is nothing to forget: it was never seen, it failed, or its time has ended.'],
  running: [409, 'It is running. Forget it when it has ended.'],
  unanswered: [503, 'The ledger or RESULTS does not answer, so it may still be known. Try again.'],
} as const;

/** The record has to be gone from KV first, and leases have to end. */
const FORGET_WITHIN_MS = 15_000;

/**
 * Forgets an execution. `unanswered`: its ledger object, or RESULTS, is out of reach, and it may still be
 * known.
 */
export async function forgetExecution(config: Config, id: string): Promise<ForgetResult> {
  const { answers, unanswered } = await askShards(
    config,
    candidates(config, id),
    (ledger) => ledger.forget(id),
    FORGET_WITHIN_MS,
  );
  const forgotten = answers.find(({ value }) => value !== 'absent')?.value;
  return forgotten ?? (unanswered.length > 0 ? 'unanswered' : 'absent');
}

/** An id tells the number of its ledger object, but not its route. */
function candidates(config: Config, id: string): Shard[] {
  return config.routes.map((route) => ({ route, number: shardOf(id, route.shards) }));
}
