import type { Policy } from '../node/chaos/history.ts';
import { Random } from '../node/chaos/random.ts';
import type { Behaviour, OriginPlan } from './origin.ts';

/** For orders to the gateway. */
export const ADMIN_TOKEN = 'the-admin-token-of-the-tests';
/** Longer than KV takes to settle. */
const HOT_SECONDS = 70;
export const BRIEF_TTL_SECONDS = 60;
const LONG_TTL_SECONDS = 86_400;
const SILENCE_SECONDS = 20;
const MAX_RECORD_BYTES = 25_000_000;

const ROUTES = {
  '/retry/*': { unknownOutcome: 'retry', ttlSeconds: LONG_TTL_SECONDS },
  '/refuse/*': { unknownOutcome: 'refuse', ttlSeconds: LONG_TTL_SECONDS },
  '/brief/*': { unknownOutcome: 'refuse', ttlSeconds: BRIEF_TTL_SECONDS },
} as const;

/** How long it takes until a body has left the ledger. */
export const HOT_MS = HOT_SECONDS * 1000;

/** The gateway's settings in the world. */
export function settings(): object {
  return {
    ADMIN_TOKEN,
    HOT_SECONDS,
    LEDGER_SHARDS: 1,
    UPSTREAM_TIMEOUT_SECONDS: SILENCE_SECONDS,
    ROUTES: Object.entries(ROUTES).map(([path, route]) => ({ path, service: 'ORIGIN', ...route })),
  };
}

/**
 * What the routes promise. Two clocks that differ, and move, take so much from a TTL at most; and where there
 * may be no room for a result, it is handed on and known as not recorded.
 */
export function policies(clocksOffMs: number, mayBeFull: boolean): Map<string, Policy> {
  return new Map(
    Object.entries(ROUTES).map(([path, { unknownOutcome, ttlSeconds }]) => [
      path,
      {
        unknownOutcome,
        cancels: false,
        keyAlone: false,
        ttlMs: ttlSeconds * 1000 - 2 * clocksOffMs,
        silenceMs: SILENCE_SECONDS * 1000,
        maxRecordBytes: mayBeFull ? 0 : MAX_RECORD_BYTES,
      },
    ]),
  );
}

/** All that will be asked under one key. */
export interface KeyPlan extends OriginPlan {
  readonly body: string;
  readonly duplicates: number;
  readonly forgets: boolean;
}

/** The same for the same seed. */
export function planOf(seed: number, index: number): KeyPlan {
  const random = Random.of(seed, 2, index);
  const route = random.weighted([
    [40, '/retry/*'],
    [45, '/refuse/*'],
    [15, '/brief/*'],
  ]);
  const first = random.weighted<Behaviour>([
    [70, 'ok'],
    [10, 'fail'],
    [8, 'reset'],
    [8, 'truncate'],
    [4, 'stall'],
  ]);
  const { bytes, pieces, gapMs } = random.weighted([
    [50, { bytes: random.integer(0, 4_000), pieces: 1, gapMs: random.integer(0, 200) }],
    [25, { bytes: random.integer(1_000, 200_000), pieces: 6, gapMs: random.integer(50, 600) }],
    [25, { bytes: random.integer(550_000, 1_400_000), pieces: 8, gapMs: random.integer(0, 400) }],
  ]);
  return {
    subject: { route, caller: 'anonymous', key: `key-${index}` },
    body: `order ${index}`,
    behaviours: first === 'ok' ? [] : [first, ...(random.chance(0.3) ? (['fail'] as const) : [])],
    bytes,
    pieces,
    gapMs,
    duplicates: random.integer(1, 3),
    forgets: random.chance(0.25),
  };
}
