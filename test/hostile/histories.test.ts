import { env } from 'cloudflare:workers';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { enterWorld } from './clock.ts';
import type { FaultRates } from './faults.ts';
import { tableOf } from './table.ts';
import { happen, type WorldResult } from './world.ts';

/** Of each kind of world so many, one after the other, with this seed and those that follow. */
const WORLDS = Number(env.HOSTILE_WORLDS);
const SEED = Number(env.HOSTILE_SEED);
const KEYS = 20;
const CLOCKS_OFF_MS = 5_000;
/** One takes half a minute, and longer on a busy machine. */
const WORLD_MAX_MS = 120_000;

const CALLS_LOST: Partial<FaultRates> = {
  supersedes: 0.06,
  resets: 0.03,
  lostAfter: 0.08,
  lostBefore: 0.04,
  overloaded: 0.03,
  delayed: 0.2,
  commitSlow: 0.02,
};
const STORAGE_FAILS: Partial<FaultRates> = {
  commitFails: 0.01,
  commitSlow: 0.05,
  full: 0.01,
  fullInBody: 0.1,
};
/** So often that objects cannot start. */
const NO_ROOM: Partial<FaultRates> = { ...STORAGE_FAILS, full: 0.06 };
const KV_FAILS: Partial<FaultRates> = { kvFails: 0.15, kvSlow: 0.25, lostBefore: 0.03 };
const ALL_FAIL = { ...CALLS_LOST, ...STORAGE_FAILS, ...KV_FAILS, alarmLost: 0.2 };

const KINDS = [
  { world: 'in which nothing but the origin fails', faults: {}, clocksOffMs: 0 },
  { world: 'with two instances of an object, and calls that are lost', faults: CALLS_LOST, clocksOffMs: 0 },
  { world: 'whose clocks are apart, and move', faults: { alarmLost: 0.2 }, clocksOffMs: CLOCKS_OFF_MS },
  { world: 'whose storage is full, fails, or takes its time', faults: STORAGE_FAILS, clocksOffMs: 0 },
  { world: 'whose storage has hardly any room', faults: NO_ROOM, clocksOffMs: 0 },
  { world: 'whose KV is slow, stale, and fails', faults: KV_FAILS, clocksOffMs: 0 },
  { world: 'in which all of this comes together', faults: ALL_FAIL, clocksOffMs: CLOCKS_OFF_MS },
] as const;

const results = new Map<string, WorldResult[]>();
/** What the log says, but for requests. */
const events: string[] = [];

enterWorld();

beforeAll(() => {
  for (const method of ['log', 'info', 'warn', 'error'] as const) {
    vi.spyOn(console, method).mockImplementation((line) => void events.push(String(line)));
  }
});

afterAll(() => {
  vi.restoreAllMocks();
  console.log(tableOf(SEED, results));
});

test.concurrent.each(KINDS)(
  'the promises hold in a world $world',
  async ({ world, faults, clocksOffMs }) => {
    const happened: WorldResult[] = [];
    for (let seed = SEED; seed < SEED + WORLDS; seed += 1) {
      happened.push(await happen({ seed, faults, clocksOffMs, keys: KEYS, gated: true }));
    }
    results.set(world, happened);
    expect(happened.flatMap(({ violations }) => violations).join('\n\n')).toBe('');
    expect(events.filter((line) => line.includes('"event":"unexpected"'))).toEqual([]);
  },
  WORLD_MAX_MS * WORLDS,
);

test.concurrent(
  'a platform that let requests out before their intent is durable would be found out',
  async () => {
    // Nothing is ever committed: each call brings another instance, and each commit takes longer than that.
    const faults = { supersedes: 1, commitSlow: 1 };
    const { violations } = await happen({ seed: SEED, faults, clocksOffMs: 0, keys: KEYS, gated: false });
    expect(violations.some((violation) => violation.includes('refuse-once'))).toBe(true);
  },
  WORLD_MAX_MS,
);
