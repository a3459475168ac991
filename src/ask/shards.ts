import type { Config, Route } from '../config.ts';
import { inTime } from '../deadline.ts';
import { log, textOf } from '../log.ts';
import type { LedgerInspection } from '../protocol.ts';
import { reachLedger } from './ask.ts';

/** One ledger object: a route's, and its number. */
export interface Shard {
  readonly route: Route;
  readonly number: number;
}

export interface ShardAnswers<T> {
  readonly answers: readonly { readonly shard: Shard; readonly value: T }[];
  /** The ledger objects that could not be reached, or did not answer in time. */
  readonly unanswered: readonly Shard[];
}

/** Ledger objects that are asked at the same time. */
const CONCURRENCY = 24;
const ANSWER_WITHIN_MS = 5_000;

export function shardsOf(routes: readonly Route[]): Shard[] {
  return routes.flatMap((route) =>
    Array.from({ length: route.shards }, (_, number): Shard => ({ route, number })),
  );
}

/** Asks many ledger objects the same thing. Never rejects: what cannot be reached is named instead. */
export async function askShards<T>(
  config: Config,
  shards: readonly Shard[],
  ask: (ledger: LedgerInspection) => Promise<T>,
  withinMs = ANSWER_WITHIN_MS,
): Promise<ShardAnswers<T>> {
  const answers: { shard: Shard; value: T }[] = [];
  const unanswered: Shard[] = [];
  const waiting = shards.values();
  const work = async () => {
    for (const shard of waiting) {
      try {
        const pending = ask(reachLedger(config, shard.route, shard.number));
        answers.push({ shard, value: await inTime(pending, withinMs, 'the answer') });
      } catch (error) {
        log('error', 'ledger-unreachable', {
          route: shard.route.path,
          shard: shard.number,
          reason: textOf(error),
        });
        unanswered.push(shard);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(CONCURRENCY, shards.length) }, work));
  return { answers, unanswered };
}
