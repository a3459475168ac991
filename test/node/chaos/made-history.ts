/** Histories made by hand, for the tests of the function that judges them. */
import type { Call, CallOutcome, Death, History, Interval, Provenance, Run, RunFate } from './history.ts';

/** Under `retry`. */
export const SUBJECT = { route: '/retry/*', caller: 'alice', key: 'k' };
/** Under `refuse`. */
export const REFUSING = { ...SUBJECT, route: '/refuse/*' };
/** The key alone says what is the same. */
export const BY_KEY = { ...SUBJECT, route: '/hook/*' };
export const TTL_MS = 10_000;

type Where = typeof SUBJECT;

/** What the origin wrote down of a run. */
export function run(number: number, [startedAt, endedAt]: Span, fate: RunFate, where: Where = SUBJECT): Run {
  return { ...where, run: number, body: 'b', startedAt, endedAt, fate };
}

type Span = readonly [startedAt: number, endedAt: number];

/** What a client wrote down of a call. */
export function call([startedAt, endedAt]: Span, outcome: CallOutcome, where: Where = SUBJECT): Call {
  return { ...where, body: 'b', startedAt, endedAt, outcome };
}

/** A success that a run of this number gave. */
export function result(
  number: number,
  over: { digest?: string; bytes?: number; from?: Partial<Provenance> } = {},
): CallOutcome {
  return {
    kind: 'response',
    status: 200,
    digest: over.digest ?? `of run ${number}`,
    bytes: over.bytes ?? 100,
    replayed: false,
    from: { ...SUBJECT, body: 'b', run: number, ...over.from },
  };
}

/** An answer of the gateway itself. */
export function problem(status: number, slug: string): CallOutcome {
  return { kind: 'problem', status, slug };
}

/** The client has left. */
export const LEFT: CallOutcome = { kind: 'broken', by: 'client', from: null };
/** The gateway broke off. */
export const BROKEN: CallOutcome = { kind: 'broken', by: 'gateway', from: null };

/** All that happened, on routes of each policy. */
export function history(calls: Call[], runs: Run[], deaths: Death[] = [], outages: Interval[] = []): History {
  const policy = { ttlMs: TTL_MS, cancels: false, keyAlone: false, silenceMs: 1_000, maxRecordBytes: 1_000 };
  return {
    calls,
    runs,
    deaths,
    outages,
    policies: new Map([
      [SUBJECT.route, { ...policy, unknownOutcome: 'retry' as const }],
      [REFUSING.route, { ...policy, unknownOutcome: 'refuse' as const }],
      [BY_KEY.route, { ...policy, keyAlone: true, unknownOutcome: 'retry' as const }],
    ]),
  };
}
