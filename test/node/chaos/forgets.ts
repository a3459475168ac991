import { check, type Verdict, type Violation } from './checker.ts';
import { type Call, type History, type Interval, type Run, type Subject, subjectOf } from './history.ts';

/** An operator's wish to forget what is known of a key, and what was answered. */
export interface Forget extends Subject {
  readonly startedAt: number;
  readonly endedAt: number;
  /** `unsure`: no answer came, or that it may still be known. */
  readonly answer: 'forgotten' | 'absent' | 'running' | 'unsure';
}

export interface ForgetfulHistory extends History {
  readonly forgets: readonly Forget[];
  /**
   * When the ledger was out of reach, or was being ended. KV is all that a client can be answered from then.
   */
  readonly ledgerGone: readonly Interval[];
  /** So long a place may still see what was removed from KV. */
  readonly kvSettlesMs: number;
}

/** A verdict on a history with forgotten executions. */
export interface ForgetfulVerdict extends Verdict {
  readonly forgotten: {
    /** Forgets that were held to what they said. */
    readonly counted: number;
    /** Keys about which nobody can say what was forgotten when. They are judged up to there. */
    readonly unsure: number;
    /** Answers of a forgotten run, from KV, with the ledger out of reach and KV not settled. */
    readonly excused: number;
  };
}

/**
 * Holds a history against the promises in which executions are forgotten. What comes after a forget is
 * another execution: nothing of the one before may be seen in it. A call or a run during a forget belongs to
 * either; such a call is left out.
 */
export function checkForgetful(history: ForgetfulHistory): ForgetfulVerdict {
  const bySubject = Map.groupBy(history.forgets, subjectOf);
  const forgotten = { counted: 0, unsure: 0, excused: 0 };
  const epochs = new Map<string, readonly Forget[]>();
  const ends = new Map<string, number>();
  for (const [subject, forgets] of bySubject) {
    const unsure = forgets.find(({ answer }) => answer === 'unsure');
    const until = unsure?.startedAt ?? Number.POSITIVE_INFINITY;
    const held = forgets.filter(({ answer, startedAt }) => answer === 'forgotten' && startedAt < until);
    forgotten.counted += held.length;
    if (unsure !== undefined) forgotten.unsure += 1;
    epochs.set(subject, held);
    ends.set(subject, until);
  }
  const isJudged = (item: Call | Run) =>
    item.endedAt < (ends.get(subjectOf(item)) ?? Number.POSITIVE_INFINITY);
  const epochAt = (subject: Subject, at: number) =>
    (epochs.get(subjectOf(subject)) ?? []).filter(({ startedAt }) => startedAt <= at).length;
  const named = <T extends Subject>(item: T, epoch: number): T =>
    epoch === 0 ? item : { ...item, key: `${item.key} after ${epoch} forgets` };

  const runs = history.runs.filter(isJudged);
  const epochOfRun = new Map(runs.map((run) => [run.run, epochAt(run, run.startedAt)]));
  const calls: Call[] = [];
  for (const call of history.calls.filter(isJudged)) {
    const forgets = epochs.get(subjectOf(call)) ?? [];
    if (forgets.some(({ startedAt, endedAt }) => call.startedAt <= endedAt && call.endedAt >= startedAt))
      continue;
    const epoch = epochAt(call, call.startedAt);
    const { outcome } = call;
    const from = outcome.kind === 'response' || outcome.kind === 'broken' ? outcome.from : null;
    const epochOfFrom = from === null ? epoch : (epochOfRun.get(from.run) ?? epoch);
    const last = forgets[epoch - 1];
    if (epochOfFrom < epoch && last !== undefined && mayBeStale(call, last, history)) {
      forgotten.excused += 1;
      continue;
    }
    const answered = from === null ? outcome : { ...outcome, from: named(from, epochOfFrom) };
    calls.push(named({ ...call, outcome: answered } as Call, epoch));
  }
  const verdict = check({
    ...history,
    calls,
    runs: runs.map((run) => named(run, epochOfRun.get(run.run) ?? 0)),
  });
  return {
    ...verdict,
    forgotten,
    violations: verdict.violations.map((found) => told(found, history.forgets)),
  };
}

/** A violation with what was asked to be forgotten of its key. */
function told(violation: Violation, forgets: readonly Forget[]): Violation {
  const its = forgets.filter(({ key }) => violation.subject.includes(JSON.stringify(key).slice(0, -1)));
  const words = its.map(
    ({ answer, startedAt, endedAt }) => `\n  forget, ${answer}, took ${endedAt - startedAt} ms`,
  );
  return { ...violation, explanation: `${violation.explanation}${words.join('')}` };
}

/** Without the ledger, a place answers from what it still sees in KV. */
function mayBeStale(call: Call, forget: Forget, { ledgerGone, kvSettlesMs }: ForgetfulHistory): boolean {
  return (
    call.startedAt < forget.endedAt + kvSettlesMs &&
    ledgerGone.some(({ at, until }) => at <= call.endedAt && until >= call.startedAt)
  );
}
