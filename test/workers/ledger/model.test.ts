import {
  abortAllDurableObjects,
  evictAllDurableObjects,
  reset,
  runDurableObjectAlarm,
  runInDurableObject,
} from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Verdict } from './model.ts';
import { Modelled } from './modelled.ts';
import { HOT_MS, ledger, DAY_MS as TTL_MS } from './world.ts';

const SEQUENCES = 100;
const SEQUENCE_MAX_MS = 15_000;
/** Sweeps that have nothing left to do come no closer together than this. */
const SWEEP_GAP_MS = 5_000;
/** What RESULTS did not take is tried again this soon. */
const RETRY_MS = 30_000;

/**
 * The executions of one sequence: two keys on the route of each policy, one of which has bodies of several
 * pieces.
 */
const SUBJECTS = [
  { policy: 'retry', path: '', route: '/*', key: 'a' },
  { policy: 'retry', path: '', route: '/*', key: 'large' },
  { policy: 'refuse', path: '/refuse', route: '/refuse/*', key: 'a' },
  { policy: 'refuse', path: '/refuse', route: '/refuse/*', key: 'large' },
] as const;

type Step =
  /** Begins, joins, is replayed or refused. */
  | { readonly kind: 'request'; readonly subject: number; readonly body: 'first' | 'other' }
  | { readonly kind: 'verdict'; readonly subject: number; readonly verdict: Verdict }
  /** An operator forgets what became of it. */
  | { readonly kind: 'forget'; readonly subject: number }
  /** The objects are lost with all that they were doing, or put away when they have nothing to do. */
  | { readonly kind: 'restart' }
  | { readonly kind: 'evict' }
  | { readonly kind: 'pass'; readonly ms: number }
  /** The next alarm comes, at its time or before. */
  | { readonly kind: 'alarm' }
  | { readonly kind: 'sweep' };

const subject = fc.nat(SUBJECTS.length - 1);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('request' as const),
      subject,
      body: fc.constantFrom('first' as const, 'first' as const, 'first' as const, 'other' as const),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('verdict' as const),
      subject,
      verdict: fc.constantFrom<Verdict>('finish', 'finish', 'fail', 'break-head', 'break-body'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('forget' as const), subject }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'restart' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'evict' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('pass' as const),
      ms: fc.constantFrom(20_000, HOT_MS + 1, TTL_MS / 2, TTL_MS + 1),
    }),
  },
  { weight: 3, arbitrary: fc.constant({ kind: 'alarm' as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'sweep' as const }) },
);

const ROUTES = ['/*', '/refuse/*'] as const;

let sequence = 0;

beforeEach(() => {
  // Time passes while requests wait: nobody is to look whether the upstream has been silent for too long.
  vi.useFakeTimers({ toFake: ['Date', 'setInterval', 'clearInterval'] });
});

afterEach(async () => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  await reset();
});

test('whatever happens in whatever order, the ledger does what the contract’s state machine does, when it is due', async () => {
  const puts = vi.spyOn(Object.getPrototypeOf(env.RESULTS), 'put');
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 24 }), async (steps) => {
      sequence += 1;
      const executions = SUBJECTS.map(
        ({ policy, path, route, key }) => new Modelled(policy, path, route, `${key}-${sequence}-${policy}`),
      );
      const before = puts.mock.calls.length;
      for (const each of steps) {
        await take(each, executions);
        for (const route of ROUTES) await expectNothingOverdue(route, each.kind === 'sweep');
      }
      for (const execution of executions) await execution.verdict('finish');
      await sweep(executions);
      const mayBe = executions.reduce((sum, execution) => sum + execution.putsAtMost, 0);
      expect(puts.mock.calls.length - before).toBeLessThanOrEqual(mayBe);
    }),
    // A ledger that runs what it should refuse waits for a verdict that does not come: that is a failure with
    // a sequence.
    { numRuns: SEQUENCES, timeout: SEQUENCE_MAX_MS },
  );
}, 120_000);

async function take(step: Step, executions: readonly Modelled[]): Promise<void> {
  switch (step.kind) {
    case 'request':
      return executions[step.subject]?.request(step.body);
    case 'verdict':
      return executions[step.subject]?.verdict(step.verdict);
    case 'forget':
      return executions[step.subject]?.forget();
    case 'restart':
      await abortAllDurableObjects();
      // An object finds out that it was lost when it comes back, which is when somebody asks for it.
      for (const route of ROUTES) await runInDurableObject(ledger(route), () => {});
      for (const execution of executions) await execution.lost();
      return;
    case 'evict':
      // An object with a run under way is not put away.
      if (!executions.every(({ idle }) => idle)) return;
      await evictAllDurableObjects();
      for (const execution of executions) await execution.lost();
      return;
    case 'pass':
      vi.setSystemTime(Date.now() + step.ms);
      return;
    case 'alarm': {
      const { alarmAt } = await stateOf(ROUTES[0]);
      if (alarmAt !== null) vi.setSystemTime(Math.max(alarmAt, Date.now()));
      return sweep(executions);
    }
    case 'sweep':
      return sweep(executions);
  }
}

async function sweep(executions: readonly Modelled[]): Promise<void> {
  for (const route of ROUTES) await runDurableObjectAlarm(ledger(route));
  for (const execution of executions) execution.writtenDown();
}

interface StoredRow {
  readonly coolAt: number | null;
  readonly expiresAt: number;
  readonly unarchived: number | null;
}

/** The rows of a ledger object that do not run, and when its alarm comes. */
function stateOf(route: string): Promise<{ rows: StoredRow[]; alarmAt: number | null }> {
  return runInDurableObject(ledger(route), async (_, { storage }) => {
    const rows = storage.sql.exec(
      `SELECT cool_at AS coolAt, expires_at AS expiresAt, unarchived FROM executions WHERE state <> 'running'`,
    );
    return { rows: rows.toArray() as unknown as StoredRow[], alarmAt: await storage.getAlarm() };
  });
}

/** Whatever is to be done later, an alarm comes for it in time; and what a sweep finds due it does. */
async function expectNothingOverdue(route: string, swept: boolean): Promise<void> {
  const { rows, alarmAt } = await stateOf(route);
  const now = Date.now();
  for (const { coolAt, expiresAt, unarchived } of rows) {
    // A reader may have let go of it only just after the sweep came for it.
    const leavesAt = coolAt === null ? expiresAt : coolAt + RETRY_MS;
    const dueAt = unarchived === 1 ? now + RETRY_MS : Math.min(leavesAt, expiresAt);
    if (swept) expect(dueAt).toBeGreaterThan(now);
    expect(alarmAt ?? Number.POSITIVE_INFINITY).toBeLessThanOrEqual(Math.max(dueAt, now) + SWEEP_GAP_MS);
  }
}
