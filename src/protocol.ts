/**
 * @module What Worker and ledger object say to each other: plain values, each of which is copied across.
 * Sizes are in bytes, times in milliseconds since the epoch. Runs in: the Worker, the ledger object.
 */

import type { FailureRule } from './failed-when.ts';
import type { HeaderList } from './headers.ts';
import type { Invocation } from './own-invocation.ts';

/**
 * Whom the ledger object sends a request to: the address in its URL, a service that the Worker is bound to,
 * or the Worker itself, by the name of the export that handles its requests.
 */
export type Destination =
  | { readonly kind: 'url' }
  | { readonly kind: 'service'; readonly name: string }
  | { readonly kind: 'self'; readonly name: string };

/** Statuses from one to another, both included. */
export interface StatusRange {
  readonly from: number;
  readonly to: number;
}

/**
 * What holds for one call. It is made from the settings of its route, which the ledger does not know. It
 * crosses as JSON: that is the same text each time, which is read once, and a text takes a fraction of the
 * time that it takes to copy a value of so many parts.
 */
export interface Policy {
  /** The route's path pattern, for the log. */
  readonly route: string;
  readonly sendTo: Destination;
  readonly ttlMs: number;
  /** For how long a body of several pieces stays in the ledger as well as in RESULTS. */
  readonly hotMs: number;
  readonly concurrent: 'wait' | 'reject';
  readonly unknownOutcome: 'retry' | 'refuse';
  readonly recordStatuses: readonly StatusRange[];
  /** What in a response whose status is a success says that it failed after all. */
  readonly failedWhen: readonly FailureRule[];
  readonly upstreamTimeoutMs: number;
  /** How long a run goes on after its last client has left; `null`: to its end. */
  readonly cancelAfterMs: number | null;
  readonly maxRequestBytes: number;
  readonly maxRecordBytes: number;
  /** A smaller result stays in the ledger for its whole TTL, and never goes to RESULTS. */
  readonly resultsFromBytes: number;
  /** How much one caller may have in one ledger object. */
  readonly maxRunningPerCaller: number;
  readonly maxStoredBytesPerCaller: number;
}

/** One keyed request, as the Worker hands it to the ledger. */
export interface LedgerCall {
  /** A {@link Policy}, as JSON. */
  readonly policy: string;
  /** The execution: a digest of route, caller and idempotency key. */
  readonly id: string;
  /** A digest of the caller's credentials. */
  readonly caller: string;
  /** A digest of the client's address, for limits alone; `null` where it is not known. */
  readonly address: string | null;
  /**
   * What the execution's record is sealed with, 32 bytes. Known only while a request that presents it is
   * here.
   */
  readonly secret: Uint8Array;
  readonly fingerprint: string;
  /**
   * A digest of the idempotency key, by which an operator finds the execution. The key itself is not stored.
   */
  readonly keyHash: string;
  readonly method: string;
  /** The path that was asked for, cut off where it is long: for the operator, as is `trace`. */
  readonly path: string;
  /** The trace id that came with the request; `null` where there was none. */
  readonly trace: string | null;
  /** Where the request goes, the upstream's base URL included. */
  readonly url: string;
  readonly headers: HeaderList;
  /** A stream where the body is large: it is read only if the request has to run. */
  readonly body: Uint8Array | ReadableStream<Uint8Array>;
  /** How long a caller that joins a running execution waits for its head. */
  readonly waitMs: number;
  /** Where it is sent to the Worker itself. */
  readonly invocation?: Invocation;
  /** After how long without a head the answer is that it runs; `null`: never. */
  readonly respondAfterMs: number | null;
  /** Breaks off when the client has left, or has its whole answer; `null` where that makes no difference. */
  readonly presence: ReadableStream<Uint8Array> | null;
}

/** The head of a response. */
export interface ResponseHead {
  readonly status: number;
  readonly headers: HeaderList;
}

/** A body, whole or as it comes. */
export type ResponseBody = Uint8Array | ReadableStream<Uint8Array>;

/** What becomes of a response. On a stream that still runs, `stored` is what is intended. */
export type Recording = 'stored' | 'failed' | 'not-recorded' | 'unknown';

/** Why a request is refused because of the execution that its key names. */
export const REPEAT_REFUSALS = [
  'key-reused',
  'in-progress',
  'outcome-unknown',
  'not-recorded',
  'record-damaged',
] as const;

/** One of them. */
export type RepeatRefusal = (typeof REPEAT_REFUSALS)[number];

/** What a caller, or an address, has too much of to begin another execution. */
export type OverLimit = 'too-many-running' | 'too-much-stored';

/**
 * Why there is no memory for another run: its caller has more than a share of it, or there is none left for
 * anybody.
 */
export type NoRoom = 'too-much-held' | 'no-room';

/**
 * Why nothing can begin now, whatever is known of the execution. `ledger-full`: the object's storage has no
 * room for it.
 */
export type LimitRefusal = OverLimit | NoRoom | 'ledger-full';

/** Why the ledger refuses a request. */
export type Refusal =
  | RepeatRefusal
  /** The same request, but with other credentials than those that it was answered with. */
  | 'other-credentials'
  | LimitRefusal;

/**
 * For how long after the ledger was asked a Worker may give an answer again without asking, and whose answer
 * it is.
 */
export interface LeaseGrant {
  readonly ms: number;
  /** The number of the execution's row. */
  readonly seq: number;
}

/**
 * `handler-not-reached`: of the Worker itself something else has answered than the handler behind the
 * middleware.
 */
export type NoResponseReason = 'upstream-unreachable' | 'upstream-timeout' | 'handler-not-reached';

/** What a request gets of the ledger. */
export type LedgerAnswer =
  | {
      readonly outcome: 'executed' | 'joined';
      readonly recording: Recording;
      readonly head: ResponseHead;
      readonly body: ResponseBody;
      /** The body's size, where it is known. */
      readonly size: number | null;
    }
  | {
      readonly outcome: 'replayed';
      readonly head: ResponseHead;
      readonly body: ResponseBody;
      readonly size: number;
      readonly expiresAt: number;
      /** `null` for what comes from RESULTS while the ledger is out of reach. */
      readonly lease: LeaseGrant | null;
    }
  /** The result is in RESULTS, under this id, in the record that was completed at this time. */
  | {
      readonly outcome: 'archived';
      readonly id: string;
      readonly completedAt: number;
      readonly expiresAt: number;
      readonly lease: LeaseGrant;
    }
  /** The upstream gave no response; whether it acted on the request is unknown. */
  | {
      readonly outcome: 'no-response';
      readonly reason: NoResponseReason;
      readonly joined: boolean;
    }
  /** It runs, and its caller did not want to wait any longer. */
  | { readonly outcome: 'accepted' }
  | { readonly outcome: 'refused'; readonly reason: Refusal };

/**
 * What the Worker makes of it. `unavailable`: the ledger cannot be reached, and nothing was sent upstream.
 * `unreadable`: there is a result, which cannot be read now. `interrupted`: the ledger's answer was lost, and
 * whether the request ran is unknown. `misconfigured`: the binding leads to no ledger, or to one without
 * storage, as the Worker's configuration is.
 */
export type AskedAnswer =
  | Exclude<LedgerAnswer, { outcome: 'archived' }>
  | { readonly outcome: 'unavailable' | 'unreadable' | 'interrupted' }
  | { readonly outcome: 'misconfigured'; readonly detail: string };

/** Where Cloudflare can be asked to place a Durable Object. */
export const LOCATIONS = ['wnam', 'enam', 'sam', 'weur', 'eeur', 'apac', 'oc', 'afr', 'me'] as const;

/** One of them. */
export type Location = (typeof LOCATIONS)[number];

/** Asks for what became of an execution, without the request that it is of. */
export interface ResultQuery
  extends Pick<LedgerCall, 'id' | 'secret' | 'caller' | 'address' | 'method' | 'path' | 'trace'> {
  readonly route: string;
  /** A digest of credentials that bind the request; `null` where there are none. */
  readonly binding: string | null;
}

/** A ledger object, as a Worker calls it. */
export interface LedgerStub {
  /** Rejects where the object cannot be reached, or was lost on the way. */
  execute(call: LedgerCall): Promise<LedgerAnswer>;
  /**
   * Answers without ever starting a run; `null` where it knows of no execution. Rejects as `execute` does.
   */
  recall(call: Omit<LedgerCall, 'body'>): Promise<LedgerAnswer | null>;
  /**
   * What became of an execution; `null` where there is no result, or none that is there to be had. Never
   * starts a run.
   */
  result(query: ResultQuery): Promise<LedgerAnswer | null>;
  /** The response that came with this lease was given again so many times, without asking. */
  countReplays(id: string, lease: LeaseGrant, replays: number): Promise<void>;
}

/**
 * Where the body of a completed execution is: in the ledger until RESULTS has it and it is no longer hot, in
 * the ledger alone until the end of its TTL, in RESULTS, or nowhere, as it was too large. `elsewhere` says
 * that there is no result here: the upstream sent the client to another place with its request.
 */
export const PLACES = ['ledger', 'ledger-alone', 'results', 'nowhere', 'elsewhere'] as const;

/** One of them. */
export type Place = (typeof PLACES)[number];

/** Why the outcome of an execution is not known. */
export const UNKNOWN_CAUSES = ['upstream-broke-off', 'gateway-restarted', 'cancelled'] as const;

/** One of them. */
export type UnknownCause = (typeof UNKNOWN_CAUSES)[number];

/** When a run got how far; `null` where it did not get there, or nobody was left to see it. */
export interface RunTimes {
  /** The request was on its way. */
  readonly sentAt: number | null;
  readonly headAt: number | null;
}

/** The requests that came for one execution after the first. */
export interface Repeats {
  readonly replays: number;
  readonly joins: number;
  readonly refusals: Readonly<Record<RepeatRefusal, number>>;
  /** When the latest of them came; `null` where none did. */
  readonly lastAt: number | null;
}
