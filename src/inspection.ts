/**
 * @module What an operator asks of ledger objects, and what he may know of executions: plain values, as in
 * protocol.ts. Times are milliseconds since the epoch. Runs in: the Worker, the ledger object.
 */

import type { Growth, Totals } from './counters.ts';
import type { LedgerStub, Location, Place, Repeats, RunTimes, UnknownCause } from './protocol.ts';

/** The ledger as the Worker sees it. */
export interface LedgerNamespace {
  getByName(name: string, options: { locationHint?: Location }): LedgerStub & LedgerInspection;
  /** A keyed digest of the name, another one in each namespace. */
  idFromName(name: string): { toString(): string };
}

/** The ledger as the operator sees it. Each of these rejects where the object cannot be reached. */
export interface LedgerInspection {
  list(query: ListQuery): Promise<ListPart>;
  /** The runs that failed lately, newest first; of one key alone, where it is named. */
  failures(limit: number, keyHash: string | null): Promise<readonly Failure[]>;
  inspect(id: string): Promise<ExecutionView | null>;
  forget(id: string): Promise<Forgotten>;
  forgetAll(ids: readonly string[]): Promise<ForgottenCounts>;
  /** What was counted, and in each minute from this one on. */
  summary(sinceMinute: number): Promise<LedgerSummary>;
  overview(query: OverviewQuery): Promise<LedgerOverview>;
  /** Somebody tried to log in as the operator, so many times. */
  countLogins(failures: LoginFailures): Promise<void>;
}

/** Logins that failed: with a wrong token, or without a look at it, as too many wrong ones came before. */
export interface LoginFailures {
  readonly failed: number;
  readonly turnedAway: number;
}

/** What became of the wish to forget an execution. One that runs stays. */
export type Forgotten = 'forgotten' | 'absent' | 'running';

/** How many of several. `failed`: their records could not be removed from RESULTS. */
export type ForgottenCounts = Readonly<Record<Forgotten | 'failed', number>>;

/** What an operator may know of a request, whether its run failed or not. */
export interface RequestView {
  /** The execution. */
  readonly id: string;
  /** A short name of the caller, made from its digest: two callers of a route may share one. */
  readonly caller: string;
  /** `null`, like the rest, of a request that an earlier version wrote down. */
  readonly method: string | null;
  readonly path: string | null;
  /** The id of its trace; `null` where it named none. */
  readonly trace: string | null;
}

/** How a run failed, so that it left no record, or one that says that its outcome is unknown. */
export const FAILURE_REASONS = [
  'status',
  'said-failed',
  'sent-elsewhere',
  'no-response',
  'timeout',
  'cancelled',
] as const;
/** One of them. */
export type FailureReason = (typeof FAILURE_REASONS)[number];

/** How a run failed. */
export interface FailureCause {
  readonly reason: FailureReason;
  /** The upstream's; `null` where there was no response. */
  readonly status: number | null;
  /** By which its body said that it failed. */
  readonly rule: string | null;
}

/** A run that failed. */
export interface Failure extends RequestView, FailureCause {
  readonly keyHash: string;
  /** When it was received, and when it had failed. */
  readonly receivedAt: number;
  readonly failedAt: number;
}

/** What an operator may know of an execution. `null` is «not yet» or «never». */
export interface ExecutionView extends RunTimes, RequestView {
  readonly state: 'running' | 'completed' | 'unknown';
  readonly cause: UnknownCause | null;
  /** Where the recorded body is. */
  readonly place: Place | null;
  readonly status: number | null;
  /** The body's size. */
  readonly size: number | null;
  readonly receivedAt: number;
  readonly recordedAt: number | null;
  /** To the second. */
  readonly archivedAt: number | null;
  readonly expiresAt: number;
  readonly repeats: Repeats;
}

/**
 * A place in a list of executions: the page starts after the execution that was received then and has this
 * id.
 */
export interface Position {
  readonly receivedAt: number;
  readonly id: string;
}

/** Asks a ledger object for a part of a list: from after this place on, if there is one, at most so many. */
export interface ListQuery extends ListFilter {
  readonly after: Position | null;
  readonly limit: number;
}

/** What a list of executions is narrowed to. What is absent or `null` narrows nothing. */
export interface ListFilter {
  readonly keyHash?: string | null;
  readonly state?: ExecutionView['state'] | null;
  readonly status?: number | null;
  readonly method?: string | null;
  /** What the path begins with. */
  readonly path?: string | null;
  /** The caller's short name. */
  readonly caller?: string | null;
  /** Received at or after the one, and before the other. */
  readonly from?: number | null;
  readonly to?: number | null;
}

/** A part of a list of executions. */
export interface ListPart {
  readonly executions: readonly ExecutionView[];
  /** How far it was looked: what is older may match too. `null`: to the end. */
  readonly lookedTo: Position | null;
}

/**
 * Newest first: by when it was received, then by id. All ledger objects and who merges their lists have to
 * agree on this.
 */
export function compareNewestFirst(a: Position, b: Position): number {
  if (a.receivedAt !== b.receivedAt) return b.receivedAt - a.receivedAt;
  return a.id === b.id ? 0 : a.id < b.id ? 1 : -1;
}

/** What a minute saw, or several from it on. */
export interface MinuteCounts {
  /** Minutes since the epoch. */
  readonly minute: number;
  readonly counts: Growth;
}

/**
 * What is asked for an overview: counts from a minute on, so many minutes in one, and so many of the newest
 * executions.
 */
export interface OverviewQuery {
  readonly sinceMinute: number;
  readonly minutesAtOnce: number;
  readonly newest: number;
}

/** What one ledger object says for an overview. */
export interface LedgerOverview {
  readonly summary: LedgerSummary;
  readonly newest: ListPart;
}

/** What one ledger object has counted. */
export interface LedgerSummary {
  /** All-time. */
  readonly totals: Totals;
  readonly minutes: readonly MinuteCounts[];
  readonly running: number;
  readonly unknown: number;
}
