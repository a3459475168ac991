import type { Policy, Subject } from './history.ts';
import { Random } from './random.ts';

/** What the origin does when a key runs: the nth entry for its nth run, and `ok` from then on. */
export const BEHAVIOURS = [
  'ok',
  'fail',
  'fail-large',
  'reset',
  'truncate',
  'stall-head',
  'stall-body',
] as const;
export type Behaviour = (typeof BEHAVIOURS)[number];

/** When a client goes away by itself. */
export type Leave = 'never' | 'before-head' | 'mid-body';

export interface Answer {
  readonly behaviours: readonly Behaviour[];
  readonly bytes: number;
  /** The body comes in so many pieces, so far apart. */
  readonly pieces: number;
  readonly gapMs: number;
  readonly type: 'application/json' | 'text/event-stream';
  readonly announcesLength: boolean;
}

/** All that will be asked under one key. */
export interface KeyPlan {
  readonly subject: Subject;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly answer: Answer;
  /** The first calls, all at about the same time. */
  readonly duplicates: readonly { readonly afterMs: number; readonly leave: Leave }[];
  /** Whether a call with another body comes after them. */
  readonly reuse: boolean;
  /** Whether one more call comes right after the first success. */
  readonly replay: boolean;
  /** Whether an operator has it forgotten then. */
  readonly forget: boolean;
}

/** The world that a plan is for. */
export interface World {
  /** So many times as many large bodies. */
  readonly largeTimes: number;
  /** Probability that a key is forgotten. */
  readonly forgets: number;
}

export const ORDINARY: World = { largeTimes: 1, forgets: 0 };

export type FaultKind = 'kill' | 'ledger-reset' | 'kv-outage' | 'ledger-outage';

/** A fault comes when so many calls have ended, whatever the clock says. */
export interface FaultPlan {
  readonly kind: FaultKind;
  readonly afterCalls: number;
  /** How long an outage lasts. */
  readonly ms: number;
}

/** How much there is to do. */
export interface Scale {
  readonly keys: number;
  readonly clients: number;
  readonly faults: Readonly<Record<FaultKind, number>>;
}

export const SCALES = {
  full: {
    keys: 10_000,
    clients: 96,
    faults: { kill: 22, 'ledger-reset': 20, 'kv-outage': 12, 'ledger-outage': 12 },
  },
  short: {
    keys: 1_200,
    clients: 64,
    faults: { kill: 4, 'ledger-reset': 4, 'kv-outage': 2, 'ledger-outage': 2 },
  },
} as const satisfies Record<string, Scale>;

const SILENCE_SECONDS = 2;
const MAX_RECORD_BYTES = 2 * 1024 * 1024;
const KIB = 1024;

/**
 * The routes of the gateway under test. On `brief`, results expire while the run goes on; on `cancel`, a run
 * ends when its last client leaves; on `later`, clients come back for what they were not willing to wait for.
 * On `body` and `hook` the key is in the body, and no two attempts have the same bytes: on `body` they say
 * the same, on `hook` each has another counter.
 */
const ROUTES = {
  '/retry/*': { unknownOutcome: 'retry', ttlSeconds: 3_600 },
  '/refuse/*': { unknownOutcome: 'refuse', ttlSeconds: 3_600 },
  '/brief/*': { unknownOutcome: 'retry', ttlSeconds: 3 },
  '/cancel/*': { unknownOutcome: 'retry', ttlSeconds: 3_600, cancelAfterSeconds: 0 },
  '/later/*': { unknownOutcome: 'refuse', ttlSeconds: 3_600, respondAsync: true },
  '/body/*': {
    unknownOutcome: 'refuse',
    ttlSeconds: 3_600,
    keyFrom: 'json:/order/id',
    fingerprint: 'json',
    respondAsync: true,
  },
  '/hook/*': { unknownOutcome: 'retry', ttlSeconds: 3_600, keyFrom: 'json:/id', fingerprint: 'none' },
} as const;

/** For orders to the gateway. */
export const ADMIN_TOKEN = 'the-admin-token-of-the-chaos-run';

/** The gateway's settings. Results leave the ledger for RESULTS after two seconds. */
export function settings(originUrl: string): Record<string, unknown> {
  return {
    ADMIN_TOKEN,
    UPSTREAM_URL: originUrl,
    HOT_SECONDS: 2,
    LEDGER_SHARDS: 4,
    UPSTREAM_TIMEOUT_SECONDS: SILENCE_SECONDS,
    MAX_RECORD_BYTES,
    ROUTES: Object.entries(ROUTES).map(([path, route]) => ({ path, ...route })),
  };
}

export function policies(): Map<string, Policy> {
  return new Map(
    Object.entries(ROUTES).map(([path, route]) => [
      path,
      {
        unknownOutcome: route.unknownOutcome,
        ttlMs: route.ttlSeconds * 1000,
        cancels: 'cancelAfterSeconds' in route,
        keyAlone: 'fingerprint' in route && route.fingerprint === 'none',
        silenceMs: SILENCE_SECONDS * 1000,
        maxRecordBytes: MAX_RECORD_BYTES,
      },
    ]),
  );
}

const CALLERS: readonly [Record<string, string>, ...Record<string, string>[]] = [
  {},
  { authorization: 'Bearer alice' },
  { authorization: 'Bearer bob' },
  { 'x-api-key': 'carol' },
  { cookie: 'session=dave' },
];

/** Who sent a request, from its headers; the origin and the clients both name callers by it. */
export function callerNamed(headers: Readonly<Record<string, unknown>>): string {
  const { authorization, 'x-api-key': apiKey, cookie } = headers;
  return String(authorization ?? apiKey ?? cookie ?? 'anonymous');
}

/** Keys come in pairs: the same key of two callers on the same route, which must not know of each other. */
export function keyPlan(seed: number, index: number, world = ORDINARY): KeyPlan {
  const pair = Math.floor(index / 2);
  const route = Random.of(seed, 1, pair).weighted([
    [30, '/retry/*'],
    [30, '/refuse/*'],
    [8, '/brief/*'],
    [8, '/cancel/*'],
    [8, '/later/*'],
    [8, '/body/*'],
    [8, '/hook/*'],
  ]);
  const random = Random.of(seed, 2, index);
  const headers = CALLERS[index % CALLERS.length] ?? {};
  const answer = answerPlan(random, world.largeTimes);
  // A choice of its own, so that all else stays as it is.
  const forget = Random.of(seed, 4, index).chance(world.forgets);
  return {
    // By an operator it is looked for by its key, so that has to be one caller's.
    subject: {
      route,
      caller: callerNamed(headers),
      key: forget ? `forgotten-${index}` : keyNamed(route, pair),
    },
    headers,
    body: `order ${index}`,
    answer,
    duplicates: Array.from({ length: random.integer(1, 4) }, (_, n) => ({
      afterMs: n === 0 ? 0 : random.integer(0, 25),
      leave: random.weighted<Leave>([
        [85, 'never'],
        [8, 'before-head'],
        [7, 'mid-body'],
      ]),
    })),
    reuse: random.chance(0.05),
    replay: random.chance(0.4),
    forget,
  };
}

/**
 * In a body, a key may be a number. None is a part of another one's beginning alone, so that one that is cut
 * is another key's.
 */
function keyNamed(route: string, pair: number): string {
  return isInBody(route) ? String(100_000 + pair) : `key-${pair}`;
}

function isInBody(route: string): boolean {
  return route === '/body/*' || route === '/hook/*';
}

/**
 * What is sent of a request: its body, which differs with each attempt where the key is in it, and its key's
 * header, if it has one.
 */
export function wireOf(
  { subject: { route, key } }: KeyPlan,
  body: string,
  attempt: number,
): { readonly headers: Readonly<Record<string, string>>; readonly body: string } {
  if (!isInBody(route)) return { headers: { 'content-type': 'text/plain', 'idempotency-key': key }, body };
  const headers = { 'content-type': 'application/json' };
  const isNumber = /^\d+$/.test(key);
  if (route === '/hook/*') {
    const id = isNumber && attempt % 2 === 0 ? Number(key) : key;
    return { headers, body: JSON.stringify({ id, attempt, note: body }) };
  }
  const order = { id: isNumber ? Number(key) : key };
  const value = attempt % 2 === 0 ? { order, note: body } : { note: body, order };
  return { headers, body: JSON.stringify(value, null, attempt % 3) };
}

/** What was sent so: the key, and what the body says. `null`: the body broke off, and its key with it. */
export function readWire(
  route: string,
  headers: Readonly<Record<string, unknown>>,
  body: string | null,
): { readonly key: string; readonly body: string } {
  if (!isInBody(route)) return { key: String(headers['idempotency-key']), body: body ?? '' };
  if (body === null) return { key: `broken off ${performance.now()}`, body: '' };
  const sent: { id?: unknown; order?: { id?: unknown }; note: string } = JSON.parse(body);
  return { key: String(sent.id ?? sent.order?.id), body: sent.note };
}

function answerPlan(random: Random, largeTimes: number): Answer {
  const first = random.weighted<Behaviour>([
    [78, 'ok'],
    [8, 'fail'],
    [1, 'fail-large'],
    [5, 'reset'],
    [5, 'truncate'],
    [1.5, 'stall-head'],
    [1.5, 'stall-body'],
  ]);
  const behaviours = first === 'ok' ? [] : [first, ...(random.chance(0.3) ? ['fail' as const] : [])];
  const bytes = random.weighted([
    [80, random.integer(0, 4 * KIB)],
    [15, random.integer(4 * KIB, 200 * KIB)],
    [4 * largeTimes, random.integer(600 * KIB, 1_500 * KIB)],
    [1, 3_000 * KIB],
  ]);
  // Slow streams are there so that a death of the gateway finds many runs under way.
  const { pieces, gapMs } = random.weighted([
    [70, { pieces: 1, gapMs: 0 }],
    [18, { pieces: random.integer(2, 6), gapMs: random.integer(1, 30) }],
    [12, { pieces: random.integer(5, 10), gapMs: random.integer(40, 120) }],
  ]);
  return {
    behaviours,
    bytes,
    pieces,
    gapMs,
    type: pieces > 1 && random.chance(0.5) ? 'text/event-stream' : 'application/json',
    announcesLength: random.chance(0.5),
  };
}

/** Whether the clients of this key come back for what takes long. */
export function comesBack({ subject }: KeyPlan): boolean {
  return subject.route === '/later/*' || subject.route === '/body/*';
}

/** The request's path and query: what the origin is to do stands in it, so it needs no memory of plans. */
export function pathOf({ subject, answer }: KeyPlan): string {
  return `${subject.route.replace('*', 'orders')}?plan=${encodeURIComponent(JSON.stringify(answer))}`;
}

/** The faults of a run, in order, spread at random over the calls that are to be expected. */
export function faultPlans(seed: number, scale: Scale, expectedCalls: number): FaultPlan[] {
  const random = Random.of(seed, 3);
  const kinds = Object.entries(scale.faults) as [FaultKind, number][];
  return kinds
    .flatMap(([kind, count]) =>
      Array.from({ length: count }, () => ({
        kind,
        afterCalls: Math.floor((0.02 + 0.93 * random.number()) * expectedCalls),
        ms: random.integer(200, 1_500),
      })),
    )
    .toSorted((a, b) => a.afterCalls - b.afterCalls);
}
