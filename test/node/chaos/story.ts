import {
  type Call,
  type Death,
  type History,
  type Interval,
  type Policy,
  type Run,
  subjectOf,
} from './history.ts';

/** A call that got a response whole. */
export type Delivered = Call & { readonly outcome: { readonly kind: 'response' } };

/** Everything about one key. */
export interface Story {
  readonly calls: readonly Call[];
  readonly runs: readonly Run[];
  readonly policy: Policy;
  readonly deaths: readonly Death[];
  readonly outages: readonly Interval[];
  /** Whole successful responses, in the order in which their clients had them. */
  readonly successes: readonly Delivered[];
  readonly runOf: (call: Delivered) => Run | undefined;
}

/** A history, key by key. */
export function* storiesOf(history: History): Generator<[subject: string, story: Story]> {
  const calls = Map.groupBy(history.calls, subjectOf);
  const runs = Map.groupBy(history.runs, subjectOf);
  for (const subject of new Set([...calls.keys(), ...runs.keys()])) {
    const itsCalls = (calls.get(subject) ?? []).toSorted((a, b) => a.startedAt - b.startedAt);
    const itsRuns = (runs.get(subject) ?? []).toSorted((a, b) => a.startedAt - b.startedAt);
    const [some] = [...itsCalls, ...itsRuns];
    const policy = history.policies.get(some?.route ?? '');
    if (policy === undefined) throw new Error(`no policy for ${subject}`);
    const byNumber = new Map(itsRuns.map((run) => [run.run, run]));
    yield [
      subject,
      {
        calls: itsCalls,
        runs: itsRuns,
        policy,
        deaths: history.deaths,
        outages: history.outages,
        successes: itsCalls
          .filter(isSuccess)
          .filter(({ outcome }) => outcome.from.key === some?.key)
          .toSorted((a, b) => a.endedAt - b.endedAt),
        runOf: ({ outcome }) => byNumber.get(outcome.from.run),
      },
    ];
  }
}

function isSuccess(call: Call): call is Delivered {
  return call.outcome.kind === 'response' && call.outcome.status >= 200 && call.outcome.status <= 299;
}

/** Whether a result of this run is kept at this time. */
export function withinTtl(run: Run, at: number, policy: Policy): boolean {
  return at < run.endedAt + policy.ttlMs;
}
