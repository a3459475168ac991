/** @module What each route has counted. Runs in: the Worker. */

import { askShards, type Shard, type ShardAnswers, shardsOf } from '../ask/shards.ts';
import type { Config, Route } from '../config.ts';
import { sumOf, type Totals } from '../counters.ts';
import type { LedgerSummary, MinuteCounts, OverviewQuery } from '../inspection.ts';
import { MINUTE_MS } from '../time.ts';
import { merged } from './lists.ts';
import type { ExecutionList } from './schemas.ts';

/** What one route has counted, over those of its ledger objects that answered. */
export interface RouteSummary {
  readonly route: Route;
  /** All-time. */
  readonly totals: Totals;
  /** Oldest first; minutes that saw nothing are left out. */
  readonly minutes: readonly MinuteCounts[];
  readonly running: number;
  readonly unknown: number;
  readonly unanswered: readonly Shard[];
}

/** The minute since the epoch that a time is in. */
export function minuteOf(ms: number): number {
  return Math.floor(ms / MINUTE_MS);
}

/** What each route has counted: in all, and in each minute from this one on. */
export async function summarize(config: Config, sinceMinute: number): Promise<RouteSummary[]> {
  const asked = await askShards(config, shardsOf(config.routes), (ledger) => ledger.summary(sinceMinute));
  return byRoute(config, asked);
}

/** The same, and the newest executions, with one call to each ledger object. */
export async function overviewOf(
  config: Config,
  query: OverviewQuery,
): Promise<{
  readonly summaries: RouteSummary[];
  readonly recent: Pick<ExecutionList, 'executions' | 'unanswered'>;
}> {
  const { answers, unanswered } = await askShards(config, shardsOf(config.routes), (ledger) =>
    ledger.overview(query),
  );
  const summaries = answers.map(({ shard, value }) => ({ shard, value: value.summary }));
  const newest = answers.map(({ shard, value }) => ({ shard, value: value.newest }));
  return {
    summaries: byRoute(config, { answers: summaries, unanswered }),
    recent: merged({ answers: newest, unanswered }, query.newest),
  };
}

function byRoute(
  config: Config,
  { answers, unanswered }: ShardAnswers<LedgerSummary, Route>,
): RouteSummary[] {
  return config.routes.map((route) => {
    const own = answers.filter(({ shard }) => shard.route === route).map(({ value }) => value);
    return {
      route,
      totals: sumOf(own.map(({ totals }) => totals)),
      minutes: mergeMinutes(own.map(({ minutes }) => minutes)),
      running: own.reduce((sum, { running }) => sum + running, 0),
      unknown: own.reduce((sum, { unknown }) => sum + unknown, 0),
      unanswered: unanswered.filter((shard) => shard.route === route),
    };
  });
}

/** The minutes of several sources added up, oldest first. */
export function mergeMinutes(sources: readonly (readonly MinuteCounts[])[]): MinuteCounts[] {
  const byMinute = Map.groupBy(sources.flat(), ({ minute }) => minute);
  return [...byMinute]
    .map(([minute, parts]) => ({ minute, counts: sumOf(parts.map(({ counts }) => counts)) }))
    .sort((a, b) => a.minute - b.minute);
}

/** Retries that did not run. A reused key is not counted: it came with another request. */
export function prevented(totals: Totals): number {
  const { replays, joins, inProgress, outcomeUnknown, notRecorded, recordDamaged } = totals;
  return replays + joins + inProgress + outcomeUnknown + notRecorded + recordDamaged;
}
