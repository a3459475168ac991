/** @module Asks many ledger objects the same thing. Runs in: the Worker. */

import { inTime } from '../deadline.ts';
import type { LedgerInspection } from '../inspection.ts';
import { log, textOf } from '../log.ts';
import { type LedgerAccess, type LedgerObjects, reachLedger } from './ask.ts';

/** One ledger object: a route's, and its number. */
export interface Shard<Route extends LedgerObjects = LedgerObjects> {
  readonly route: Route;
  readonly number: number;
}

/** What came back, and from whom nothing came. */
export interface ShardAnswers<T, Route extends LedgerObjects> {
  readonly answers: readonly { readonly shard: Shard<Route>; readonly value: T }[];
  /** The ledger objects that could not be reached, or did not answer in time. */
  readonly unanswered: readonly Shard<Route>[];
}

/** Ledger objects that are asked at the same time. */
const CONCURRENCY = 24;
const ANSWER_WITHIN_MS = 5_000;

/** All ledger objects of these routes. */
export function shardsOf<Route extends LedgerObjects>(routes: readonly Route[]): Shard<Route>[] {
  return routes.flatMap((route) =>
    Array.from({ length: route.shards }, (_, number): Shard<Route> => ({ route, number })),
  );
}

/** Asks many ledger objects the same thing. Never rejects: what cannot be reached is named instead. */
export async function askShards<T, Route extends LedgerObjects>(
  access: Pick<LedgerAccess, 'ledger'>,
  shards: readonly Shard<Route>[],
  ask: (ledger: LedgerInspection, shard: Shard<Route>) => Promise<T>,
  withinMs = ANSWER_WITHIN_MS,
): Promise<ShardAnswers<T, Route>> {
  const answers: { shard: Shard<Route>; value: T }[] = [];
  const unanswered: Shard<Route>[] = [];
  const waiting = shards.values();
  const work = async () => {
    for (const shard of waiting) {
      try {
        const pending = ask(reachLedger(access, shard.route, shard.number), shard);
        answers.push({ shard, value: await inTime(pending, withinMs, 'the answer') });
      } catch (error) {
        log('error', 'ledger-unreachable', {
          route: shard.route.path,
          shard: shard.number,
          reason: textOf(error),
          askedBy: 'operator',
        });
        unanswered.push(shard);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(CONCURRENCY, shards.length) }, work));
  return { answers, unanswered };
}
