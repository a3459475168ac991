import { expect, test } from 'vitest';
import type { PromiseName } from './checker.ts';
import { checkForgetful, type Forget, type ForgetfulHistory } from './forgets.ts';
import type { Call, CallOutcome, Run } from './history.ts';

const SUBJECT = { route: '/refuse/*', caller: 'alice', key: 'k' };
const SETTLES_MS = 500;

function run(number: number, startedAt: number): Run {
  return { ...SUBJECT, run: number, body: 'b', startedAt, endedAt: startedAt + 10, fate: 'succeeded' };
}

function call(startedAt: number, from: number): Call {
  const outcome: CallOutcome = {
    kind: 'response',
    status: 200,
    digest: `of run ${from}`,
    bytes: 10,
    replayed: true,
    from: { ...SUBJECT, run: from, body: 'b' },
  };
  return { ...SUBJECT, body: 'b', startedAt, endedAt: startedAt + 10, outcome };
}

function forget(startedAt: number, answer: Forget['answer'] = 'forgotten'): Forget {
  return { ...SUBJECT, startedAt, endedAt: startedAt + 10, answer };
}

function verdictOn(calls: Call[], runs: Run[], forgets: Forget[], over: Partial<ForgetfulHistory> = {}) {
  const policy = {
    unknownOutcome: 'refuse' as const,
    ttlMs: 10_000,
    cancels: false,
    keyAlone: false,
    silenceMs: 1_000,
    maxRecordBytes: 1_000,
  };
  return checkForgetful({
    calls,
    runs,
    forgets,
    deaths: [],
    outages: [],
    ledgerGone: [],
    kvSettlesMs: SETTLES_MS,
    policies: new Map([[SUBJECT.route, policy]]),
    ...over,
  });
}

function broken(verdict: ReturnType<typeof verdictOn>): PromiseName[] {
  return [...new Set(verdict.violations.map(({ promise }) => promise))];
}

test('what was forgotten runs again, and its new result is held to all that was promised of the first', () => {
  const calls = [call(0, 1), call(100, 1), call(300, 2), call(400, 2)];
  const verdict = verdictOn(calls, [run(1, 0), run(2, 300)], [forget(200)]);
  expect(broken(verdict)).toEqual([]);
  expect(verdict.forgotten).toEqual({ counted: 1, unsure: 0, excused: 0 });
  const again = verdictOn([...calls, call(500, 3)], [run(1, 0), run(2, 300), run(3, 500)], [forget(200)]);
  expect(broken(again)).toContain('one-result');
});

test('what nobody has had forgotten may not run again', () => {
  const runs = [run(1, 0), run(2, 300)];
  for (const answer of ['absent', 'running'] as const) {
    expect(broken(verdictOn([call(0, 1), call(300, 2)], runs, [forget(200, answer)]))).toContain(
      'one-result',
    );
  }
});

test('a forgotten result may not come back', () => {
  const verdict = verdictOn([call(0, 1), call(300, 1)], [run(1, 0)], [forget(200)]);
  expect(broken(verdict)).toEqual(['own-bytes']);
});

test('with the ledger out of reach a forgotten result may come back from KV, until that has settled', () => {
  const ledgerGone = [{ at: 0, until: 5_000 }];
  const soon = verdictOn([call(0, 1), call(300, 1)], [run(1, 0)], [forget(200)], { ledgerGone });
  expect(broken(soon)).toEqual([]);
  expect(soon.forgotten.excused).toBe(1);
  const late = verdictOn([call(0, 1), call(300 + SETTLES_MS, 1)], [run(1, 0)], [forget(200)], { ledgerGone });
  expect(broken(late)).toEqual(['own-bytes']);
});

test('where nobody knows what was forgotten, a key is judged up to there', () => {
  const runs = [run(1, 0), run(2, 300)];
  const unsure = forget(200, 'unsure');
  expect(broken(verdictOn([call(0, 1), call(300, 2)], runs, [unsure]))).toEqual([]);
  expect(broken(verdictOn([call(0, 1), call(100, 3)], [run(1, 0), run(3, 100)], [unsure]))).toContain(
    'one-result',
  );
});
