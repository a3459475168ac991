/**
 * What the tests of the ledger have in common: one object for each route, and a clock that stands until it is
 * set.
 */
import { reset, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env, exports } from 'cloudflare:workers';
import { afterEach, beforeEach, expect, vi } from 'vitest';
import { parseConfig } from '../../../src/config.ts';
import type { ExecutionView } from '../../../src/inspection.ts';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import { policyOf } from '../../../src/policy.ts';
import type { Policy } from '../../../src/protocol.ts';

export const MIB = 1024 * 1024;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;
/** The path of a result in more than one row, whose body leaves when it is no longer hot. */
export const LARGE = `/bytes/${MIB}`;
/** `HOT_SECONDS` of the tests. */
export const HOT_MS = 300_000;

let tests = 0;

/** To be called once in a file. */
export function useWorld(): void {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'] });
    // The isolate outlives a test, and with it what it may replay without asking. So each test is a caller of
    // its own.
    tests += 1;
  });
  afterEach(async () => {
    vi.useRealTimers();
    vi.restoreAllMocks();
    await reset();
  });
}

/** The number of the test that runs. */
export function testNumber(): number {
  return tests;
}

export function pass(ms: number): void {
  vi.setSystemTime(Date.now() + ms);
}

export function ledger(route = '/*') {
  return env.LEDGER.getByName(`${route}:0`);
}

export function post(path: string, key: string, caller = `Bearer ${tests}`): Promise<Response> {
  return exports.default.fetch(`https://gate.example${path}`, {
    method: 'POST',
    headers: { 'idempotency-key': key, authorization: caller },
    redirect: 'manual',
  });
}

/** The executions that have ended, newest first. */
export function ended(route = '/*'): Promise<ExecutionView[]> {
  return runInDurableObject(ledger(route), (instance: Ledger) => [
    ...instance.list({ state: 'completed', after: null, limit: 5_000 }).executions,
  ]);
}

/** Resolves when RESULTS has all that is to be there, as far as the object knows. */
export async function archived(route = '/*'): Promise<void> {
  const lacking = async () =>
    (await ended(route)).filter(({ place, archivedAt }) => place === 'ledger' && archivedAt === null);
  await expect.poll(lacking).toEqual([]);
}

/** Has the alarm come, so much later. */
export async function sweep(afterMs = 0, route = '/*'): Promise<void> {
  pass(afterMs);
  await runDurableObjectAlarm(ledger(route));
}

/** Lets the time pass after which bodies are not hot any more, and the alarm come. */
export async function cool(route = '/*'): Promise<void> {
  // No time passes while they are on their way to RESULTS.
  await archived(route);
  await sweep(HOT_MS + 1_000, route);
}

/** One value from the ledger's SQLite database. */
export function query(sql: string, route = '/*'): Promise<SqlStorageValue> {
  return runInDurableObject(ledger(route), (_, state) => {
    const [value = null] = Object.values(state.storage.sql.exec(sql).one());
    return value;
  });
}

/** The policy of a gateway with these settings, which has one route. */
export function policyFor(settings: Record<string, unknown> = {}): Policy {
  const bindings = {
    LEDGER: { getByName() {} },
    RESULTS: { getWithMetadata() {} },
    UPSTREAM_URL: 'https://x',
  };
  const result = parseConfig({ ...bindings, ...settings });
  const [only] = result.ok ? result.config.routes : [];
  if (!result.ok || only === undefined) throw new Error('no route');
  return policyOf(only, result.config);
}

/** How many executions run. */
export function running(route = '/*'): Promise<number> {
  return runInDurableObject(ledger(route), (instance: Ledger) => instance.summary(0).running);
}

/** Has statements that match fail as they do where the disk is full. */
export async function failing(pattern: RegExp, route = '/*'): Promise<void> {
  await runInDurableObject(ledger(route), (_, { storage }) => {
    const prototype = Object.getPrototypeOf(storage.sql);
    const real = prototype.exec;
    vi.spyOn(prototype, 'exec').mockImplementation(function (this: unknown, ...args: unknown[]) {
      if (pattern.test(String(args[0]))) throw new Error('database or disk is full: SQLITE_FULL');
      return Reflect.apply(real, this, args);
    });
  });
}
