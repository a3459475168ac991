import { PROMISES, type PromiseName, type Verdict } from './checker.ts';
import { type Call, type Death, type Run, subjectOf } from './history.ts';
import type { Behaviour, FaultKind } from './plan.ts';
import { timelineOf } from './timeline.ts';

export interface ChaosResult {
  readonly seed: number;
  readonly keys: number;
  readonly seconds: number;
  readonly calls: readonly Call[];
  readonly runs: readonly Run[];
  readonly inflicted: ReadonlyMap<FaultKind, number>;
  readonly behaved: ReadonlyMap<Behaviour, number>;
  readonly left: { readonly 'before-head': number; readonly 'mid-body': number };
  /** Calls that never ended by themselves. */
  readonly hung: readonly Call[];
  /** How late the process of clients, origin and KV was at most: a call may be later than that by itself. */
  readonly ownLatenessMs: number;
  readonly deaths: readonly Death[];
  /** Runs that the gateway still held open when nobody had been asking for long. */
  readonly endless: number;
  readonly defects: readonly string[];
  readonly verdict: Verdict;
  /** What a hostile KV did, and what became of what was forgotten; `null` where the world was ordinary. */
  readonly hostile: Readonly<Record<string, number>> | null;
}

const FAULTS: Record<FaultKind, string> = {
  kill: 'kill -9 of the gateway, restarted on its storage',
  'ledger-reset': 'all ledger objects ended at once',
  'kv-outage': 'KV out of reach for a while',
  'ledger-outage': 'the ledger out of reach for a while',
};

const ORIGIN: Record<Exclude<Behaviour, 'ok'>, string> = {
  fail: 'the origin answers 500 to 503',
  'fail-large': 'the origin answers 4 MiB of error',
  reset: 'the origin resets before its head',
  truncate: 'the origin breaks off in its body',
  'stall-head': 'the origin never sends its head',
  'stall-body': 'the origin falls silent in its body',
};

const HOSTILE: Record<string, string> = {
  reads: 'reads of KV',
  stale: '… that saw another value than the last one written',
  staleMisses: '… that saw nothing where there was something',
  outOfOrder: '… that saw an earlier value come after a later one',
  refused: 'writes that KV refused, as they came too soon',
  'write failed': 'writes that failed',
  'write failed, and took effect': '… although they took effect',
  'write slow': 'writes that were slow',
  'read broken off': 'reads that nobody read to their end',
  counted: 'executions forgotten',
  unsure: '… of which nobody knows whether they are',
  excused: '… seen in KV afterwards with the ledger out of reach',
};

/** Of each promise, no more broken keys than this are explained. */
const EXPLAINED = 3;

export function printReport(result: ChaosResult): void {
  const { calls, runs, inflicted, behaved, left, verdict } = result;
  table('faults injected', [
    ...entries(FAULTS).map(([kind, what]) => [what, inflicted.get(kind) ?? 0] as const),
    ...entries(ORIGIN).map(([behaviour, what]) => [what, behaved.get(behaviour) ?? 0] as const),
    ['the client leaves before the head', left['before-head']],
    ['the client leaves in the body', left['mid-body']],
  ]);
  table('what came of it', [
    ['keys', result.keys],
    ['runs at the origin', runs.length],
    ['… that succeeded', runs.filter(({ fate }) => fate === 'succeeded').length],
    ['… that were cut off by a death of the gateway', runs.filter(({ fate }) => fate === 'cut').length],
    ['calls', calls.length],
    ...[...Map.groupBy(calls, answerOf)]
      .map(([answer, those]) => [`… ${answer}`, those.length] as const)
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  ]);
  if (result.hostile !== null) {
    table(
      'the hostile KV, and what operators had forgotten',
      entries(HOSTILE).map(([what, words]) => [words, result.hostile?.[what] ?? 0] as const),
    );
  }
  table('promises', [
    ...entries(PROMISES).map(([name, what]) => [what, verdictOn(name, verdict)] as const),
    ['every run ends, with or without a reader', result.endless === 0 ? 'held' : `BROKEN ${result.endless}×`],
    ['every call ends', result.hung.length === 0 ? 'held' : `BROKEN ${result.hung.length}×`],
    ['the log shows no defect', result.defects.length === 0 ? 'held' : `BROKEN ${result.defects.length}×`],
  ]);
  table('the slowest call, milliseconds', [
    ...[...Map.groupBy(calls, answerOf)]
      .map(
        ([answer, those]) =>
          [answer, Math.round(those.reduce((most, call) => Math.max(most, lasted(call)), 0))] as const,
      )
      .toSorted(([, a], [, b]) => b - a),
    ['how late clients, origin and KV were themselves', Math.round(result.ownLatenessMs)],
  ]);
  for (const name of Object.keys(PROMISES)) {
    const broken = verdict.violations.filter(({ promise }) => promise === name);
    for (const { subject, explanation } of broken.slice(0, EXPLAINED)) {
      console.log(`\n${name} ${subject}: ${explanation}`);
    }
  }
  for (const call of result.hung.slice(0, EXPLAINED)) {
    const subject = subjectOf(call);
    const isIts = (other: Call | Run) => subjectOf(other) === subject;
    console.log(
      `\na call hung, ${subject}:\n${timelineOf(calls.filter(isIts), runs.filter(isIts), result.deaths)}`,
    );
  }
  for (const line of result.defects.slice(0, EXPLAINED)) console.log(`\nlog: ${line}`);
  console.log(`\n${Math.round(result.seconds)} s, seed ${result.seed}`);
}

function lasted({ startedAt, endedAt }: Call): number {
  return endedAt - startedAt;
}

function verdictOn(name: PromiseName, { checks, violations }: Verdict): string {
  const broken = new Set(violations.filter(({ promise }) => promise === name).map(({ subject }) => subject));
  return broken.size === 0 ? `held in ${checks[name]} checks` : `BROKEN for ${broken.size} keys`;
}

function answerOf({ outcome }: Call): string {
  switch (outcome.kind) {
    case 'response':
      if (outcome.status >= 300) return 'answered with the origin’s error';
      return outcome.replayed ? 'answered by a replay' : 'answered by a run';
    case 'problem':
      return `answered ${outcome.status} ${outcome.slug}`;
    case 'stray':
      return `answered a bare ${outcome.status}`;
    case 'broken':
      return outcome.by === 'client' ? 'left by the client' : 'broken off';
  }
}

function entries<K extends string, V>(record: Readonly<Record<K, V>>): [K, V][] {
  return Object.entries(record) as [K, V][];
}

function table(title: string, rows: readonly (readonly [string, string | number])[]): void {
  const width = Math.max(...rows.map(([what]) => what.length));
  console.log(`\n${title}`);
  for (const [what, value] of rows) console.log(`  ${what.padEnd(width)}  ${value}`);
}
