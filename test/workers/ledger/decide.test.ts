import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type Decision,
  decide,
  idApart,
  type RunningExecution,
  resultOf,
} from '../../../src/ledger/decide.ts';
import type { Row } from '../../../src/ledger/store/row.ts';
import type { Place } from '../../../src/protocol.ts';
import {
  afterForget,
  afterLoss,
  afterVerdict,
  answerTo,
  type Policy,
  type State,
  type Verdict,
} from './model.ts';

const NOW = 1_000_000;
const TTL_MS = 86_400_000;
const ID = 'I'.repeat(43);
const FIRST = 'f'.repeat(43);
const OTHER = 'o'.repeat(43);

const common = { seq: 1, id: ID, caller: 'c', receivedAt: NOW, expiresAt: NOW + TTL_MS };

function completed(place: Place, fingerprint = FIRST): Row {
  const rest = {
    state: 'completed',
    place,
    completedAt: NOW,
    size: 1,
    unarchived: false,
    parts: null,
  } as const;
  return { ...common, fingerprint, ...rest };
}

function unknown(state: 'unknown' | 'running' = 'unknown'): Row {
  return { ...common, fingerprint: FIRST, state };
}

interface Asked {
  readonly run?: RunningExecution;
  readonly row?: Row;
  readonly fingerprint?: string;
  readonly concurrent?: 'wait' | 'reject';
  readonly unknownOutcome?: 'retry' | 'refuse';
  readonly full?: boolean;
  readonly now?: number;
}

/** What becomes of a request, in a word or two. */
function decisionOn(asked: Asked): string {
  const { run = null, row = null, fingerprint = FIRST, now = NOW } = asked;
  const { concurrent = 'wait', unknownOutcome = 'retry', full = false } = asked;
  const policy = { concurrent, unknownOutcome, ttlMs: TTL_MS };
  const limit = () => (full ? 'ledger-full' : null);
  return inWords(decide({ id: ID, fingerprint, policy }, { run, row, limit }, now));
}

function inWords(decision: Decision<RunningExecution>): string {
  switch (decision.kind) {
    case 'refuse':
      return decision.reason;
    case 'apart':
      return decision.renew ? 'apart, renewed' : 'apart';
    case 'execute':
      return decision.replaces === null ? 'execute' : 'execute, replacing';
    default:
      return decision.kind;
  }
}

const readable = { fingerprint: FIRST, readable: true };
const bound = (credentials: string) => `${FIRST}.${credentials}`;

test.each<[string, Asked, string]>([
  ['nothing is known', {}, 'execute'],
  ['nothing is known, and there is no room', { full: true }, 'ledger-full'],
  ['it runs', { run: readable }, 'join'],
  ['it runs, whatever room there is', { run: readable, full: true }, 'join'],
  ['it runs, and nobody is to wait', { run: readable, concurrent: 'reject' }, 'in-progress'],
  ['it runs, and its beginning is gone', { run: { ...readable, readable: false } }, 'in-progress'],
  ['another request runs', { run: readable, fingerprint: OTHER }, 'key-reused'],
  ['it is recorded', { row: completed('ledger') }, 'replay'],
  ['it is recorded, whatever room there is', { row: completed('ledger'), full: true }, 'replay'],
  ['it is in RESULTS', { row: completed('results') }, 'replay'],
  ['it was too large', { row: completed('nowhere') }, 'not-recorded'],
  ['another request is recorded', { row: completed('ledger'), fingerprint: OTHER }, 'key-reused'],
  [
    'it is recorded for other credentials',
    { row: completed('ledger', bound('a')), fingerprint: bound('b') },
    'other-credentials',
  ],
  ['its time has ended', { row: completed('ledger'), now: NOW + TTL_MS }, 'execute, replacing'],
  ['its outcome is unknown, under retry', { row: unknown() }, 'execute, replacing'],
  ['its outcome is unknown, under refuse', { row: unknown(), unknownOutcome: 'refuse' }, 'outcome-unknown'],
  [
    'another one’s outcome is unknown, under refuse',
    { row: unknown(), unknownOutcome: 'refuse', fingerprint: OTHER },
    'key-reused',
  ],
  [
    'a row says that it runs, and nobody runs it',
    { row: unknown('running'), unknownOutcome: 'refuse' },
    'outcome-unknown',
  ],
  ['it was sent elsewhere', { row: completed('elsewhere'), fingerprint: OTHER }, 'apart'],
  ['it was sent elsewhere, and comes here again', { row: completed('elsewhere') }, 'apart'],
  [
    'it was sent elsewhere long ago, and comes here again',
    { row: completed('elsewhere'), now: NOW + TTL_MS * 0.6 },
    'apart, renewed',
  ],
])('where %s', (_, asked, decision) => {
  expect(decisionOn(asked)).toBe(decision);
});

test.each<[string, RunningExecution | null, Row | null, string | null, string]>([
  ['nothing is known', null, null, null, 'absent'],
  ['it runs', readable, null, null, 'runs'],
  ['it runs for other credentials', { ...readable, fingerprint: bound('a') }, null, 'b', 'other-credentials'],
  ['it is recorded', null, completed('ledger'), null, 'replay'],
  ['it is recorded for these credentials', null, completed('results', bound('a')), 'a', 'replay'],
  ['it is recorded for other credentials', null, completed('ledger', bound('a')), 'b', 'other-credentials'],
  [
    'it is recorded for somebody with a cookie',
    null,
    completed('ledger', bound('a')),
    null,
    'other-credentials',
  ],
  ['it was too large', null, completed('nowhere'), null, 'not-recorded'],
  ['it was sent elsewhere', null, completed('elsewhere'), null, 'absent'],
  ['its outcome is unknown', null, unknown(), null, 'outcome-unknown'],
  ['its time has ended', null, { ...completed('ledger'), expiresAt: NOW }, null, 'absent'],
])('whoever comes back where %s', (_, run, row, binding, expected) => {
  const result = resultOf({ run, row }, binding, NOW);
  expect(result.kind === 'refuse' ? result.reason : result.kind).toBe(expected);
});

test('an execution apart is in the ledger object of its key, and is apart from nothing', () => {
  const apart = idApart({ id: ID, fingerprint: OTHER });
  expect(apart).not.toBe(ID);
  expect(apart).toHaveLength(ID.length);
  expect(apart.slice(0, 6)).toBe(ID.slice(0, 6));
  const policy = { concurrent: 'wait', unknownOutcome: 'retry', ttlMs: TTL_MS } as const;
  const row = completed('elsewhere', OTHER);
  const decision = decide(
    { id: apart, fingerprint: OTHER, policy },
    { run: null, row, limit: () => null },
    NOW,
  );
  expect(decision).toEqual({ kind: 'execute', replaces: row });
});

type Step =
  | { readonly kind: 'request'; readonly fingerprint: string }
  | { readonly kind: 'verdict'; readonly verdict: Verdict }
  | { readonly kind: 'loss' | 'forget' }
  | { readonly kind: 'pass'; readonly ms: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('request' as const),
      fingerprint: fc.constantFrom(FIRST, FIRST, OTHER),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('verdict' as const),
      verdict: fc.constantFrom<Verdict>('finish', 'finish', 'fail', 'break-head', 'break-body'),
    }),
  },
  { weight: 1, arbitrary: fc.constantFrom<Step>({ kind: 'loss' }, { kind: 'forget' }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.constantFrom(1, TTL_MS / 2, TTL_MS) }),
  },
);

test.each<Policy>(['retry', 'refuse'])(
  'whatever happens in whatever order, the decision is the contract’s: %s',
  (unknownOutcome) => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 40 }), (steps) => {
        const world = new World(unknownOutcome);
        for (const each of steps) world.take(each);
      }),
      { numRuns: 5_000 },
    );
  },
);

/** What a ledger object keeps of one execution, in its simplest form, beside the model of the contract. */
class World {
  readonly #policy: Policy;
  #now = NOW;
  #run: RunningExecution | null = null;
  #row: Row | null = null;
  #runs = 0;
  #model: State = { kind: 'absent' };
  #fingerprint = FIRST;

  constructor(policy: Policy) {
    this.#policy = policy;
  }

  take(step: Step): void {
    switch (step.kind) {
      case 'request':
        this.#request(step.fingerprint);
        return;
      case 'verdict':
        this.#verdict(step.verdict);
        return;
      case 'loss':
        if (this.#run !== null && this.#policy === 'refuse') this.#keep(unknown());
        this.#run = null;
        this.#model = afterLoss(this.#model, this.#policy, this.#now + TTL_MS);
        return;
      case 'forget':
        if (this.#run === null) this.#row = null;
        this.#model = afterForget(this.#model);
        return;
      case 'pass':
        this.#now += step.ms;
    }
  }

  #request(fingerprint: string): void {
    const expected = answerTo(this.#model, this.#policy, fingerprint === this.#fingerprint, this.#now);
    const policy = { concurrent: 'wait', unknownOutcome: this.#policy, ttlMs: TTL_MS } as const;
    const known = { run: this.#run, row: this.#row, limit: () => null };
    const decision = decide({ id: ID, fingerprint, policy }, known, this.#now);
    switch (expected.kind) {
      case 'runs':
        expect(decision.kind).toBe('execute');
        this.#runs += 1;
        this.#fingerprint = fingerprint;
        this.#run = { fingerprint, readable: true };
        this.#model = { kind: 'running', run: this.#runs };
        return;
      case 'joins':
        expect(decision).toEqual({ kind: 'join', run: this.#run });
        return;
      case 'replay':
        expect(decision).toMatchObject({ kind: 'replay', row: { size: expected.run } });
        return;
      case 'refusal':
        expect(decision).toEqual({ kind: 'refuse', reason: expected.slug });
    }
  }

  #verdict(verdict: Verdict): void {
    if (this.#run === null || this.#model.kind !== 'running') return;
    this.#run = null;
    if (verdict === 'finish') this.#keep({ ...completed('ledger'), size: this.#runs } as Row);
    else if (verdict !== 'fail' && this.#policy === 'refuse') this.#keep(unknown());
    else if (this.#policy === 'refuse') this.#row = null;
    this.#model = afterVerdict(this.#model.run, verdict, this.#policy, this.#now + TTL_MS);
  }

  #keep(row: Row): void {
    this.#row = { ...row, fingerprint: this.#fingerprint, expiresAt: this.#now + TTL_MS };
  }
}
