/** @module Forgets all executions that match a list's filters, some at a time. Runs in: the Worker. */

import { askShards, type Shard } from '../ask/shards.ts';
import type { Config } from '../config.ts';
import type { ForgottenCounts } from '../inspection.ts';
import { type ListQuery, type ListResult, listExecutions } from './lists.ts';
import type { Execution, ForgetManyAnswer } from './schemas.ts';
import { nameOf } from './views.ts';

/** The most that are forgotten at once. */
export const FORGET_MAX = 200;

/** Records have to be gone from KV first, and leases have to end. */
const FORGET_WITHIN_MS = 30_000;

/** No page of the list is begun after so long: where all that match run, there may be no end of them. */
const FIND_WITHIN_MS = 10_000;

/** What would be forgotten. */
export interface Forgettable {
  readonly executions: readonly Execution[];
  /** More may match: for another call, or beyond what was looked through. */
  readonly more: boolean;
  readonly unanswered: ForgetManyAnswer['unanswered'];
}

/** The newest that match and do not run. */
export async function forgettable(
  config: Config,
  query: Omit<ListQuery, 'limit' | 'cursor'>,
): Promise<ListResult<Forgettable>> {
  const startedAt = Date.now();
  const ended: Execution[] = [];
  let cursor: string | undefined;
  for (;;) {
    const result = await listExecutions(config, { ...query, limit: String(FORGET_MAX), cursor });
    if (result.kind !== 'list') return result;
    const { executions, next, unanswered } = result.list;
    ended.push(...executions.filter(({ state }) => state !== 'running'));
    const isEnough = ended.length >= FORGET_MAX || Date.now() - startedAt > FIND_WITHIN_MS;
    if (next === null || isEnough || unanswered.length > 0) {
      const more = next !== null || ended.length > FORGET_MAX;
      return { kind: 'list', list: { executions: ended.slice(0, FORGET_MAX), more, unanswered } };
    }
    cursor = next;
  }
}

/**
 * Forgets these. Those that have begun to run stay, and so do those whose records cannot be removed from
 * RESULTS.
 */
export async function forgetMany(
  config: Config,
  { executions, more }: Forgettable,
): Promise<ForgetManyAnswer> {
  const idsOf = new Map<Shard, string[]>();
  for (const route of config.routes) {
    const own = executions.filter((execution) => execution.route === route.path);
    for (const [number, of] of Map.groupBy(own, ({ shard }) => shard)) {
      idsOf.set(
        { route, number },
        of.map(({ id }) => id),
      );
    }
  }
  const { answers, unanswered } = await askShards(
    config,
    [...idsOf.keys()],
    (ledger, shard) => ledger.forgetAll(idsOf.get(shard) ?? []),
    FORGET_WITHIN_MS,
  );
  const sum = (of: keyof ForgottenCounts) => answers.reduce((total, { value }) => total + value[of], 0);
  return {
    forgotten: sum('forgotten'),
    left: sum('running') + sum('failed'),
    more,
    unanswered: unanswered.map(nameOf),
  };
}
