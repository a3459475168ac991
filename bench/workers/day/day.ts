import { parseConfig } from '../../../src/config.ts';
import { policyOf } from '../../../src/policy.ts';
import type { Policy } from '../../../src/protocol.ts';
import { Random } from '../../../test/node/chaos/random.ts';
import { VirtualClock } from './clock.ts';
import { CountingKv } from './kv.ts';
import { DAY_MS, type Day, type DayOptions, type Part } from './lived.ts';
import { CountedObject } from './object.ts';
import { Callers, intensity, KV_OUTAGE, keyOf, LOSSES, REQUESTS_PER_KEY } from './plan.ts';
import { Stories } from './stories.ts';
import { type Counts, Tally } from './tally.ts';

const EPOCH_MS = Date.UTC(2026, 10, 2);
/** How long after the end of the last TTL nothing may be left. */
const GRACE_MS = 60_000;

/**
 * Lives a day in a ledger object that is this one. `partDone` is told of each part, with `null` of those that
 * are not counted.
 */
export async function liveDay(
  state: DurableObjectState,
  options: DayOptions,
  partDone: (part: Part | null) => void = () => {},
): Promise<Day> {
  const { seed, shard, ttlMs, warmUpMs, countedMs, parts } = options;
  const sql = state.storage.sql;
  const tally = new Tally();
  const startsAt = EPOCH_MS + options.startsAtMs;
  const clock = new VirtualClock(startsAt, options.thorough);
  const [from, to] = KV_OUTAGE;
  const countsFrom = startsAt + warmUpMs;
  const outage = [startOfDay(countsFrom) + from, startOfDay(countsFrom) + to] as const;
  const kv = new CountingKv(clock, tally, Random.of(seed, 6, shard), outage);
  const object = new CountedObject(state, { RESULTS: kv.binding }, clock, tally);
  kv.presence = () => object.presence();
  const stories = new Stories({ seed, shard, clock, tally, kv, object, policies: policies(ttlMs) });
  const restore = pretend(stories.fetch, tally);
  try {
    const endsAt = countsFrom + countedMs;
    beginKeys(stories, clock, options, endsAt);
    for (let day = startOfDay(startsAt); day < endsAt; day += DAY_MS) {
      for (const at of LOSSES)
        if (day + at > startsAt) clock.at(day + at + shard * 1_000, () => stories.loseObject());
    }
    for (let n = 1; n <= parts; n += 1) {
      await clock.runUntil(startsAt + (warmUpMs * n) / parts);
      partDone(null);
    }
    object.settle();
    const before = tally.counts;
    const stood: Part[] = [];
    for (let n = 1; n <= parts; n += 1) {
      await clock.runUntil(countsFrom + (countedMs * n) / parts);
      object.settle();
      const part = { counts: since(before, tally.counts), ...standing(sql, clock.now) };
      stood.push(part);
      partDone(part);
    }
    const words = tally.words;
    await clock.runUntil(endsAt + LAST_ASKED * ttlMs + GRACE_MS);
    // Those who asked last may have begun a run, whose result lives as long.
    await clock.runUntil(endsAt + (LAST_ASKED + 1) * ttlMs + 10 * GRACE_MS);
    const { rows } = sql.exec<{ rows: number }>('SELECT count(*) AS rows FROM executions').one();
    const { violations, open } = stories;
    return { parts: stood, words, violations, rowsLeft: rows, unanswered: open };
  } finally {
    restore();
  }
}

/** After so many TTLs nobody asks for a key again: see plan.ts. */
const LAST_ASKED = 1.2;

/** Has keys come until `endsAt`: a Poisson process that follows the day. */
function beginKeys(stories: Stories, clock: VirtualClock, options: DayOptions, endsAt: number): void {
  const { seed, shard, shards, requestsPerDay, ttlMs } = options;
  const random = Random.of(seed, 4, shard);
  const callers = new Callers();
  const perMs = requestsPerDay / REQUESTS_PER_KEY / shards / DAY_MS;
  const most = perMs * 2;
  let number = 0;
  const next = () => {
    let at = clock.now;
    // By thinning: as often as at most, and of these as many as it is less.
    do at -= Math.log(1 - random.number()) / most;
    while (random.number() * 2 > intensity(at));
    if (at >= endsAt) return;
    clock.at(at, () => {
      number += 1;
      stories.live(keyOf(seed, shard, number, callers, ttlMs)).catch((error) => {
        stories.violations.push(`a client met an error: ${String(error)}`);
      });
      next();
    });
  };
  next();
}

function policies(ttlMs: number): { retry: Policy; refuse: Policy } {
  const policyWith = (unknownOutcome: string) => {
    const result = parseConfig({
      LEDGER: { getByName() {} },
      RESULTS: { getWithMetadata() {} },
      UPSTREAM_URL: 'https://upstream.example',
      TTL_SECONDS: ttlMs / 1_000,
      UNKNOWN_OUTCOME: unknownOutcome,
    });
    const [only] = result.ok ? result.config.routes : [];
    if (!result.ok || only === undefined) throw new Error('no route');
    return policyOf(only, result.config);
  };
  return { retry: policyWith('retry'), refuse: policyWith('refuse') };
}

function standing(sql: SqlStorage, now: number): Omit<Part, 'counts'> {
  const oldest = sql
    .exec<{ expires_at: number }>('SELECT expires_at FROM executions ORDER BY seq LIMIT 1000')
    .toArray()
    .map(({ expires_at }) => now - expires_at)
    .filter((overdue) => overdue > 0);
  return {
    databaseBytes: sql.databaseSize,
    overdueRows: oldest.length,
    overdueMs: oldest.reduce((most, overdue) => Math.max(most, overdue), 0),
  };
}

function since(before: Counts, now: Counts): Counts {
  const entries = Object.entries(now) as [keyof Counts, number][];
  return Object.fromEntries(entries.map(([name, n]) => [name, n - before[name]])) as Counts;
}

/** The upstream in the place of `fetch`, and the log counted. Returns what puts back what was there. */
function pretend(fetch: Stories['fetch'], tally: Tally): () => void {
  const own = { fetch: globalThis.fetch };
  const { info, warn, error } = console;
  Object.assign(globalThis, { fetch });
  const count = (line: unknown) => {
    const [, event] = /"event":"([a-z-]+)"/.exec(String(line)) ?? [];
    tally.say(`log: ${event ?? String(line).slice(0, 60)}`);
  };
  Object.assign(console, { info: count, warn: count, error: count });
  return () => {
    Object.assign(globalThis, own);
    Object.assign(console, { info, warn, error });
  };
}

function startOfDay(at: number): number {
  return Math.floor(at / DAY_MS) * DAY_MS;
}
