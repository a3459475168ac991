import { PROMISES, type PromiseName } from '../node/chaos/checker.ts';
import { checkForgetful, type Forget, type ForgetfulVerdict } from '../node/chaos/forgets.ts';
import type { Call, Interval, Run, Subject } from '../node/chaos/history.ts';
import { KV_SETTLES_MS } from './kv.ts';
import { BRIEF_TTL_SECONDS, policies } from './plan.ts';

/** What happened in a world, as clients, origin and platform saw it. */
export interface WorldHistory {
  readonly calls: readonly Call[];
  readonly runs: readonly Run[];
  readonly forgets: readonly Forget[];
  /** When the object of each route lost what it had in memory. */
  readonly deaths: ReadonlyMap<string, readonly Interval[]>;
  /** When a call did not get through to an object. */
  readonly interrupted: readonly Interval[];
  /** From then on nothing went wrong. */
  readonly calmFrom: number;
  readonly clocksOffMs: number;
  readonly wasFull: boolean;
}

/** What a history was held to. */
export interface Judgement {
  readonly checks: Readonly<Record<PromiseName, number>>;
  readonly forgotten: ForgetfulVerdict['forgotten'];
  /** Second runs that the contract allows, as what was sent before had an outcome that nobody knows. */
  readonly ranAgain: number;
  /** Each promise that was broken, and how. */
  readonly violations: readonly string[];
}

/** Holds a world's history against the promises. */
export function judge(history: WorldHistory): Judgement {
  const { calls, runs, forgets, deaths, interrupted, calmFrom, clocksOffMs, wasFull } = history;
  const violations: string[] = [];
  const checks = Object.fromEntries(Object.keys(PROMISES).map((name) => [name, 0])) as Record<
    PromiseName,
    number
  >;
  const forgotten = { counted: 0, unsure: 0, excused: 0 };
  const promised = policies(clocksOffMs, wasFull);
  // An object's death is no excuse for what became of a key in another.
  for (const path of promised.keys()) {
    const isIts = ({ route }: Subject) => route === path;
    const verdict = checkForgetful({
      calls: calls.filter(isIts),
      runs: runs.filter(isIts),
      deaths: deaths.get(path) ?? [],
      // While things go wrong, no answer is a fair answer.
      outages: [{ at: 0, until: calmFrom }],
      policies: promised,
      forgets: forgets.filter(isIts),
      ledgerGone: interrupted,
      kvSettlesMs: KV_SETTLES_MS,
    });
    for (const { promise, subject, explanation } of verdict.violations) {
      violations.push(`${promise} ${subject}: ${explanation}`);
    }
    for (const name of Object.keys(checks) as PromiseName[]) checks[name] += verdict.checks[name];
    for (const name of ['counted', 'unsure', 'excused'] as const) forgotten[name] += verdict.forgotten[name];
  }
  violations.push(...lateReplays(calls, runs, clocksOffMs));
  return { checks, forgotten, ranAgain: ranAgain(runs, forgets), violations };
}

/** Runs under `retry` that came after one which had not failed. */
function ranAgain(runs: readonly Run[], forgets: readonly Forget[]): number {
  const forgotten = new Set(forgets.map(({ key }) => key));
  const itsRuns = Map.groupBy(
    runs.filter(({ route, key }) => route === '/retry/*' && !forgotten.has(key)),
    ({ key }) => key,
  );
  return [...itsRuns.values()].flatMap((all) => all.slice(0, -1)).filter(({ fate }) => fate !== 'failed')
    .length;
}

const LEASE_MS = 2_000;

/** No result is replayed after its TTL, but for what the clocks are off. */
function lateReplays(calls: readonly Call[], runs: readonly Run[], clocksOffMs: number): string[] {
  const ends = new Map(runs.map((run) => [run.run, run.endedAt]));
  return calls.flatMap(({ outcome, startedAt, route, key }) => {
    if (route !== '/brief/*' || outcome.kind !== 'response' || !outcome.replayed) return [];
    const endedAt = ends.get(outcome.from.run) ?? 0;
    const latest = endedAt + BRIEF_TTL_SECONDS * 1000 + 2 * clocksOffMs + LEASE_MS + SLACK_MS;
    return startedAt <= latest
      ? []
      : [`${key} was replayed ${Math.round(startedAt - latest)} ms after its TTL`];
  });
}

/**
 * What lies between the end of a run at the origin and its record, on a busy machine and in a slow commit.
 */
const SLACK_MS = 60_000;
