import type { Totals } from './counters.ts';
import type { NoRoom } from './ledger/run/run-memory.ts';
import type { MinuteCounts } from './ledger/store/counts.ts';
import type { ExecutionView, ListQuery } from './ledger/store/listing.ts';
import type { OverLimit } from './ledger/usage.ts';
import type { HeaderList } from './request/forward.ts';

/** One keyed request, as the Worker hands it to the ledger. Plain values: each field is copied across. */
export interface LedgerCall {
  /** The route's path pattern, which is its identity. */
  readonly route: string;
  /** The execution: a digest of route, caller and idempotency key. */
  readonly id: string;
  /** A digest of the caller's credentials. */
  readonly caller: string;
  /** A digest of the client's address, for limits alone; `null` where it is not known. */
  readonly address: string | null;
  /** What the execution's record is sealed with, 32 bytes. Known only while a request that presents it is here. */
  readonly secret: Uint8Array;
  readonly fingerprint: string;
  /** A digest of the idempotency key, by which an operator finds the execution. The key itself is not stored. */
  readonly keyHash: string;
  readonly method: string;
  /** Where the request goes, the upstream's base URL included. */
  readonly url: string;
  readonly headers: HeaderList;
  /** A stream where the body is large: it is read only if the request has to run. */
  readonly body: Uint8Array | ReadableStream<Uint8Array>;
  /** How long a caller that joins a running execution waits for its head. */
  readonly waitMs: number;
}

export interface ResponseHead {
  readonly status: number;
  readonly headers: HeaderList;
}

export type ResponseBody = Uint8Array | ReadableStream<Uint8Array>;

/** What becomes of a response. On a stream that still runs, `stored` is what is intended. */
export type Recording = 'stored' | 'failed' | 'not-recorded' | 'unknown';

export type Refusal =
  | 'key-reused'
  /** The same request, but with other credentials than those that it was answered with. */
  | 'other-credentials'
  | 'in-progress'
  | 'outcome-unknown'
  | 'not-recorded'
  | OverLimit
  | NoRoom
  /** The ledger object has no room for another execution. */
  | 'ledger-full';

/** For how long after the ledger was asked a Worker may give an answer again without asking, and whose answer it is. */
export interface LeaseGrant {
  readonly ms: number;
  /** The number of the execution's row. */
  readonly seq: number;
}

export type LedgerAnswer =
  | {
      readonly outcome: 'executed' | 'joined';
      readonly recording: Recording;
      readonly head: ResponseHead;
      readonly body: ResponseBody;
      /** The body's size in bytes, where it is known. */
      readonly size: number | null;
    }
  | {
      readonly outcome: 'replayed';
      readonly head: ResponseHead;
      readonly body: ResponseBody;
      /** The body's size in bytes. */
      readonly size: number;
      /** Milliseconds since the epoch, here and below. */
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
      readonly reason: 'upstream-unreachable' | 'upstream-timeout';
      readonly joined: boolean;
    }
  | { readonly outcome: 'refused'; readonly reason: Refusal };

/** The ledger as the Worker sees it. */
export interface LedgerNamespace {
  getByName(
    name: string,
    options: { locationHint?: DurableObjectLocationHint },
  ): LedgerStub & LedgerInspection;
  /** A keyed digest of the name, another one in each namespace. */
  idFromName(name: string): { toString(): string };
}

export interface LedgerStub {
  /** Rejects where the object cannot be reached, or was lost on the way. */
  execute(call: LedgerCall): Promise<LedgerAnswer>;
  /** Answers without ever starting a run; `null` where it knows of no execution. Rejects as `execute` does. */
  recall(call: Omit<LedgerCall, 'body'>): Promise<LedgerAnswer | null>;
  /** The response that came with this lease was given again so many times, without asking. */
  countReplays(id: string, lease: LeaseGrant, replays: number): Promise<void>;
}

/** The ledger as the operator sees it. Each of these rejects where the object cannot be reached. */
export interface LedgerInspection {
  list(query: ListQuery): Promise<ExecutionView[]>;
  inspect(id: string): Promise<ExecutionView | null>;
  forget(id: string): Promise<Forgotten>;
  /** What was counted, and in each minute from this one on. */
  summary(sinceMinute: number): Promise<LedgerSummary>;
}

/** What became of the wish to forget an execution. One that runs stays. */
export type Forgotten = 'forgotten' | 'absent' | 'running';

export interface LedgerSummary {
  /** Since ever. */
  readonly totals: Totals;
  readonly minutes: readonly MinuteCounts[];
  readonly running: number;
  readonly unknown: number;
}
