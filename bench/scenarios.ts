import type { LoadJob } from './load-job.ts';

/**
 * `first`: a key that is new. `retry`: a key whose response is recorded, and that nobody has just retried.
 * `storm`: one of a few such keys, again and again. `joined`: 8 callers of one key at a time, while the
 * upstream takes 10 ms. `reused`: a recorded key with another body (422). `bypass`: a GET, which has no key.
 * `chat`: an LLM request through a gateway that takes no keys.
 */
export type ScenarioName = 'first' | 'retry' | 'storm' | 'joined' | 'reused' | 'bypass' | 'chat';

export const CONNECTIONS = 16;
const BODY_BYTES = 1024;

/**
 * How many recorded responses are replayed, in turn, in a storm; and where each is to be one that was not
 * just replayed.
 */
const STORM_KEYS = 300;
const RETRY_KEYS = 10_000;
/** Each round of `retry` begins so much further on, so that a short round repeats none of the one before. */
const RETRY_STRIDE = RETRY_KEYS / 4;

/**
 * A response over this size is large: few at a time, and few recorded ones, as the gateway keeps none of them
 * for a storm.
 */
const LARGE_BYTES = 64 * 1024;
const LARGE_CONNECTIONS = 4;
const LARGE_KEYS = 4;

const JOINED_CALLERS = 8;
/** Enough that the upstream's 10 ms hold nobody up. */
const JOINED_CONNECTIONS = 128;

/** How often the upstream must have run for each request, to prove that the right work was done. */
export const runsPerRequest: Record<ScenarioName, number> = {
  first: 1,
  retry: 0,
  storm: 0,
  joined: 1 / JOINED_CALLERS,
  reused: 0,
  bypass: 1,
  chat: 1,
};

export interface Target {
  readonly url: string;
  readonly originUrl: string;
  readonly replayedHead: string | undefined;
}

/**
 * The job of a scenario, with responses of so many bytes. `round` makes its keys new; those of the pool are
 * the same in each.
 */
export function jobOf(
  scenario: ScenarioName,
  target: Target,
  round: number,
  maxMs: number,
  bytes = BODY_BYTES,
): LoadJob {
  const isLarge = bytes > LARGE_BYTES;
  const common: LoadJob = {
    url: `${target.url}/json/${bytes}`,
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer bench' },
    connections: isLarge ? LARGE_CONNECTIONS : CONNECTIONS,
    maxMs,
    maxRequests: Number.MAX_SAFE_INTEGER,
    keys: { header: 'idempotency-key', prefix: `${scenario}-${round}-` },
    body: { bytes: BODY_BYTES, kind: 'json' },
    expect: { status: 200 },
  };
  const pool = (prefix: string, keys: number) => ({
    header: 'idempotency-key',
    prefix,
    pool: isLarge ? LARGE_KEYS : keys,
  });
  const replayed = {
    status: 200,
    ...(target.replayedHead === undefined ? {} : { head: target.replayedHead }),
  };
  switch (scenario) {
    case 'first':
      return common;
    case 'retry':
      return {
        ...common,
        keys: { ...pool('retry-', RETRY_KEYS), from: round * RETRY_STRIDE },
        expect: replayed,
      };
    case 'storm':
      return { ...common, keys: pool('storm-', STORM_KEYS), expect: replayed };
    case 'reused':
      return {
        ...common,
        keys: pool('storm-', STORM_KEYS),
        body: { bytes: BODY_BYTES, kind: 'json', shift: 1 },
        expect: { status: 422 },
      };
    case 'joined':
      return {
        ...common,
        url: `${target.url}/slow/10`,
        connections: JOINED_CONNECTIONS,
        keys: { header: 'idempotency-key', prefix: `joined-${round}-`, sharedBy: JOINED_CALLERS },
        // Shared by number, so that the callers of a key send one body.
      };
    case 'bypass':
      return { ...common, method: 'GET', keys: null, body: null };
    case 'chat':
      return {
        ...common,
        url: `${target.url}/v1/chat/completions`,
        headers: {
          ...common.headers,
          'x-portkey-provider': 'openai',
          'x-portkey-custom-host': `${target.originUrl}/v1`,
        },
        body: { bytes: BODY_BYTES, kind: 'chat' },
      };
  }
}

/** Records the responses that `retry`, or `storm` and `reused`, ask for. */
export function poolJob(scenario: 'retry' | 'storm', target: Target, bytes = BODY_BYTES): LoadJob {
  const job = jobOf(scenario, target, 0, 120_000, bytes);
  return { ...job, maxRequests: job.keys?.pool ?? 0, expect: { status: 200 } };
}
