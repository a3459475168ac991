import { type Call, type History, type Policy, type Run, subjectOf } from './history.ts';
import { hasReasonToRun } from './reason-to-run.ts';
import { type Delivered, type Story, storiesOf, withinTtl } from './story.ts';
import { timelineOf } from './timeline.ts';

/** What the gateway promises, in the words of the report. */
export const PROMISES = {
  'one-result': 'no key has two runs whose results were both handed out',
  'same-bytes': 'every response for a key is the same, byte for byte',
  'nothing-lost': 'a result that a client has seen is never lost, replaced or run again',
  'answered-in-reach': 'a known result is answered whenever the ledger and KV can be reached',
  'refuse-once': 'under `refuse` nothing runs again unless the run before it failed',
  'reason-to-run': 'nothing runs again while a run before it could still succeed',
  'own-bytes': 'nobody gets what another caller, key or request was answered',
  'key-heard': 'nobody is told that a key is missing, or another request’s, unless it is',
  'every-answer-named': 'every answer is the origin’s or a problem of the contract',
} as const;

export type PromiseName = keyof typeof PROMISES;

export interface Violation {
  readonly promise: PromiseName;
  readonly subject: string;
  /** One sentence, and below it what happened to the key. */
  readonly explanation: string;
}

export interface Verdict {
  readonly violations: readonly Violation[];
  /** How often each promise was put to the test: pairs compared, runs and responses looked at. */
  readonly checks: Readonly<Record<PromiseName, number>>;
}

type Found = { readonly checks: number; readonly faults: readonly string[] };

/**
 * Holds a history against the promises. Pure: it decides from what clients and origin saw, and knows nothing
 * of how the gateway works.
 *
 * A result's TTL begins when it is recorded, which nobody outside sees. It is no sooner than the end of its
 * run, so what happens less than a TTL after that end is within it.
 */
export function check(history: History): Verdict {
  const violations: Violation[] = [];
  const checks = Object.fromEntries(Object.keys(PROMISES).map((name) => [name, 0])) as Record<
    PromiseName,
    number
  >;
  for (const [subject, story] of storiesOf(history)) {
    for (const [promise, look] of Object.entries(LOOKS) as [PromiseName, (story: Story) => Found][]) {
      const found = look(story);
      checks[promise] += found.checks;
      for (const fault of found.faults) {
        violations.push({
          promise,
          subject,
          explanation: `${fault}\n${timelineOf(story.calls, story.runs, story.deaths)}`,
        });
      }
    }
  }
  return { violations, checks };
}

const LOOKS: Record<PromiseName, (story: Story) => Found> = {
  'one-result': ({ successes, runOf, policy }) =>
    overPairs(successes, (first, second) => {
      const run = runOf(first);
      if (first.outcome.from.run === second.outcome.from.run) return null;
      if (run === undefined || !withinTtl(run, second.endedAt, policy)) return null;
      return `runs ${first.outcome.from.run} and ${second.outcome.from.run} were both handed out`;
    }),

  'same-bytes': ({ successes, runOf, policy }) =>
    overPairs(successes, (first, second) => {
      const run = runOf(first);
      if (first.outcome.digest === second.outcome.digest) return null;
      if (run === undefined || !withinTtl(run, second.endedAt, policy)) return null;
      return `two responses differ: ${first.outcome.digest} and ${second.outcome.digest}`;
    }),

  'nothing-lost': ({ successes, runOf, policy, runs, calls }) => {
    const [seen] = successes;
    const run = seen === undefined ? undefined : runOf(seen);
    if (seen === undefined || run === undefined) return NOTHING;
    const laterRuns = runs.filter(
      (other) => other.startedAt > seen.endedAt && withinTtl(run, other.startedAt, policy),
    );
    const laterCalls = calls.filter(
      (call) => call.startedAt > seen.endedAt && withinTtl(run, call.endedAt, policy),
    );
    return {
      checks: laterCalls.length,
      faults: [
        ...laterRuns.map(
          (other) => `run ${other.run} began after a client had seen the result of ${run.run}`,
        ),
        ...laterCalls
          .filter((call) => deniesResult(call, seen, policy))
          .map((call) => `a client got ${nameOf(call)} after the result of run ${run.run} had been seen`),
      ],
    };
  },

  'answered-in-reach': ({ successes, runOf, policy, calls, deaths, outages }) => {
    const [seen] = successes;
    const run = seen === undefined ? undefined : runOf(seen);
    if (seen === undefined || run === undefined) return NOTHING;
    const calm = calls.filter(
      (call) =>
        call.startedAt > seen.endedAt &&
        withinTtl(run, call.endedAt, policy) &&
        ![...deaths, ...outages].some(({ at, until }) => at <= call.endedAt && until >= call.startedAt),
    );
    return {
      checks: calm.length,
      faults: calm
        .filter(isNoAnswer)
        .map(
          (call) => `a client got ${nameOf(call)} with nothing out of reach, after the result of ${run.run}`,
        ),
    };
  },

  'refuse-once': ({ runs, policy }) =>
    policy.unknownOutcome !== 'refuse'
      ? NOTHING
      : overNeighbours(runs, (first, second) =>
          first.fate === 'failed' || !withinTtl(first, second.startedAt, policy)
            ? null
            : `run ${second.run} began although run ${first.run} had ${PAST[first.fate]}`,
        ),

  'reason-to-run': (story) =>
    overNeighbours(story.runs, (first, second) =>
      hasReasonToRun(first, second, story)
        ? null
        : `run ${second.run} began although nothing had ended run ${first.run}, which ${PAST[first.fate]}`,
    ),

  'own-bytes': ({ calls, policy }) => {
    const answered = calls.flatMap((call) =>
      (call.outcome.kind === 'response' || call.outcome.kind === 'broken') && call.outcome.from !== null
        ? [{ call, from: call.outcome.from }]
        : [],
    );
    return {
      checks: answered.length,
      faults: answered
        .filter(
          ({ call, from }) =>
            subjectOf(from) !== subjectOf(call) || (from.body !== call.body && !policy.keyAlone),
        )
        .map(({ from }) => `a client was answered with what run ${from.run} said to ${subjectOf(from)}`),
    };
  },

  // All calls have a key, and one that is good.
  'key-heard': ({ calls, runs, policy }) => ({
    checks: calls.length,
    faults: calls
      .filter((call) => isDeaf(call) || (isToldReused(call) && !wasReused(call, [...calls, ...runs], policy)))
      .map((call) => `a client got ${nameOf(call)} for its own key`),
  }),

  'every-answer-named': ({ calls }) => ({
    checks: calls.length,
    faults: calls.flatMap(({ outcome }) =>
      outcome.kind === 'stray' ? [`a client got a bare ${outcome.status}: ${outcome.text}`] : [],
    ),
  }),
};

function isDeaf({ outcome }: Call): boolean {
  return outcome.kind === 'problem' && ['key-missing', 'key-invalid'].includes(outcome.slug);
}

function isToldReused({ outcome }: Call): boolean {
  return outcome.kind === 'problem' && outcome.slug === 'key-reused';
}

function wasReused(call: Call, others: readonly (Call | Run)[], { keyAlone }: Policy): boolean {
  return !keyAlone && others.some(({ body, startedAt }) => body !== call.body && startedAt <= call.endedAt);
}

const NOTHING: Found = { checks: 0, faults: [] };

const PAST = {
  succeeded: 'succeeded',
  failed: 'failed',
  broke: 'broken off',
  cut: 'been cut off',
} as const;

/**
 * Whether the answer is at odds with a result that is known. To have no answer is allowed; to have another is
 * not.
 */
function deniesResult({ body, outcome }: Call, seen: Delivered, policy: Policy): boolean {
  if (outcome.kind === 'response') return outcome.digest !== seen.outcome.digest;
  if (outcome.kind !== 'problem') return false;
  if (body !== seen.body && !policy.keyAlone)
    return outcome.slug !== 'key-reused' && outcome.slug !== 'ledger-unavailable';
  if (outcome.slug === 'not-recorded') return seen.outcome.bytes <= policy.maxRecordBytes;
  return !NO_ANSWERS.includes(outcome.slug);
}

/** The call was let down by the gateway, rather than answered or left by its own client. */
function isNoAnswer({ outcome }: Call): boolean {
  if (outcome.kind === 'broken') return outcome.by === 'gateway';
  return outcome.kind === 'problem' && NO_ANSWERS.includes(outcome.slug);
}

/** No answer for now: the ledger is out of reach, or was lost with the request in it. */
const NO_ANSWERS = ['ledger-unavailable', 'upstream-unreachable'];

function nameOf({ outcome }: Call): string {
  switch (outcome.kind) {
    case 'response':
      return `another result, of run ${outcome.from.run}`;
    case 'problem':
      return `${outcome.status} ${outcome.slug}`;
    case 'stray':
      return `a bare ${outcome.status}`;
    case 'broken':
      return 'a broken response';
  }
}

function overPairs<T>(items: readonly T[], fault: (first: T, second: T) => string | null): Found {
  const [first, ...others] = items;
  if (first === undefined) return NOTHING;
  return collect(others.map((other) => fault(first, other)));
}

function overNeighbours<T>(items: readonly T[], fault: (first: T, second: T) => string | null): Found {
  return collect(
    items.slice(1).map((second, index) => {
      const first = items[index];
      return first === undefined ? null : fault(first, second);
    }),
  );
}

function collect(faults: readonly (string | null)[]): Found {
  return { checks: faults.length, faults: faults.filter((fault) => fault !== null) };
}
