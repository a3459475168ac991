/**
 * What a day brings: when requests come, from whom, how large their answers are, how long the upstream takes,
 * and what goes wrong.
 */
import { Random } from '../../../test/node/chaos/random.ts';
import { normal } from './chance.ts';
import { DAY_MS, HOUR_MS, SWING } from './lived.ts';

/**
 * Requests that come for one key, on average: the first, retries, duplicates and replays. Measured, so that a
 * day has about as many as asked for.
 */
export const REQUESTS_PER_KEY = 1.31;

const BUSIEST_HOUR = 16;

/** The upstream fails for a while, and KV is out of reach for a while, on each day. */
export const UPSTREAM_OUTAGE = [15.5 * HOUR_MS, 15.5 * HOUR_MS + 600_000] as const;
export const KV_OUTAGE = [10 * HOUR_MS, 10 * HOUR_MS + 300_000] as const;
/** The ledger's objects are ended, as by a deployment. */
export const LOSSES = [9.25 * HOUR_MS, 17.5 * HOUR_MS] as const;

const CALLERS = 5_000;
/** How unequal callers are: the nth sends 1 / n to this power of what the first does. */
const CALLER_SKEW = 0.8;

/** How often it comes, of the mean. */
export function intensity(atMs: number): number {
  const hour = (atMs % DAY_MS) / HOUR_MS;
  return 1 + SWING * Math.cos((2 * Math.PI * (hour - BUSIEST_HOUR)) / 24);
}

export interface Key {
  readonly number: number;
  readonly caller: number;
  readonly refuses: boolean;
  readonly bytes: number;
  /** Another request comes so much later, while the first may run still. */
  readonly twinAfterMs: number | null;
  /** The client goes away after so long, and comes back as often as he has to. */
  readonly leavesAfterMs: number | null;
  /** The answer is lost on the way to the client, who sends the request again. */
  readonly answerLost: boolean;
  /** A client that has its answer asks again so much later. */
  readonly asksAgainAfterMs: readonly number[];
  /** All these come from one place, so many milliseconds apart. */
  readonly storm: { readonly requests: number; readonly everyMs: number } | null;
  readonly reused: boolean;
}

export type Fate = 'ok' | 'failed' | 'reset' | 'truncated' | 'silent';

/** One run at the upstream. */
export interface RunPlan {
  readonly fate: Fate;
  readonly headAfterMs: number;
  /** Its body comes in so many pieces, so far apart. */
  readonly pieces: number;
  readonly everyMs: number;
}

const KIB = 1024;

/** A skewed choice among callers. */
export class Callers {
  readonly #upTo: Float64Array;

  constructor() {
    this.#upTo = new Float64Array(CALLERS);
    let sum = 0;
    for (let n = 0; n < CALLERS; n += 1) {
      sum += 1 / (n + 1) ** CALLER_SKEW;
      this.#upTo[n] = sum;
    }
  }

  pick(random: Random): number {
    const wanted = random.number() * (this.#upTo[CALLERS - 1] ?? 0);
    let low = 0;
    let high = CALLERS - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#upTo[middle] ?? 0) < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** What becomes of a key. It is asked for again within its TTL, and, seldom, after. */
export function keyOf(seed: number, shard: number, number: number, callers: Callers, ttlMs: number): Key {
  const random = Random.of(seed, 1, shard, number);
  const share = random.number();
  const bytes = bodyBytes(random);
  const isLarge = bytes > 500 * KIB;
  const asksAgainAfterMs: number[] = [];
  if (random.chance(0.005)) asksAgainAfterMs.push(random.number() * 0.8 * ttlMs);
  if (isLarge && random.chance(0.1)) asksAgainAfterMs.push((0.02 + 0.4 * random.number()) * ttlMs);
  if (random.chance(0.0005)) asksAgainAfterMs.push((1.01 + 0.1 * random.number()) * ttlMs);
  return {
    number,
    caller: callers.pick(random),
    refuses: share < 0.15,
    bytes,
    twinAfterMs: random.chance(0.015) ? random.number() * 300 : null,
    leavesAfterMs: random.chance(0.01) ? random.number() * 1_000 : null,
    answerLost: random.chance(0.03),
    asksAgainAfterMs,
    // A few keys are asked for very often (Pareto): a webhook that is delivered again and again, a loop in a
    // client.
    storm: random.chance(0.003)
      ? {
          requests: Math.min(1_000, Math.floor(8 * (1 - random.number()) ** -0.9)),
          everyMs: 20 + random.number() * 1_000,
        }
      : null,
    reused: random.chance(0.0005),
  };
}

/** `isOut`: the upstream fails. */
export function runOf(seed: number, shard: number, key: number, nth: number, isOut: boolean): RunPlan {
  const random = Random.of(seed, 2, shard, key, nth);
  const fate = random.weighted<Fate>(
    isOut
      ? [
          [40, 'ok'],
          [50, 'failed'],
          [10, 'reset'],
        ]
      : [
          [97.945, 'ok'],
          [1.5, 'failed'],
          [0.4, 'reset'],
          [0.15, 'truncated'],
          [0.005, 'silent'],
        ],
  );
  // Some are language models, which take seconds and stream.
  if (Random.of(seed, 3, shard, key).chance(0.03)) {
    const seconds = Math.min(60, 6 * Math.exp(0.7 * normal(random)));
    return { fate, headAfterMs: 400 + random.number() * 800, pieces: 16, everyMs: (seconds * 1_000) / 16 };
  }
  const headAfterMs = Math.min(10_000, 120 * Math.exp(0.8 * normal(random)));
  return { fate, headAfterMs, pieces: 1, everyMs: 0 };
}

/** Whether the answers of a key are streams of events. */
export function isStream(seed: number, shard: number, key: number): boolean {
  return Random.of(seed, 3, shard, key).chance(0.03);
}

function bodyBytes(random: Random): number {
  const kind = random.number();
  if (kind < 0.94) return Math.min(64 * KIB, 16 + Math.floor(700 * Math.exp(0.9 * normal(random))));
  if (kind < 0.995) return random.integer(4 * KIB, 16 * KIB);
  if (kind < 0.9995) return random.integer(32 * KIB, 128 * KIB);
  return random.integer(600 * KIB, 960 * KIB);
}
