/** @module What `idempotency()` takes. Runs in: nowhere (types). */

import type { Context, Env } from 'hono';
import type { RouterRoute } from 'hono/types';

/**
 * Who sends a request, as an app knows it: a user's or an account's id. `null`: nobody in particular, and all
 * of them are one.
 */
export type ScopeValue = string | number | null;

/**
 * What `idempotency()` takes. Durations are in seconds, sizes in bytes. Each setting means what the setting
 * of that name means for the gateway, and has its default.
 */
export interface IdempotencyOptions<E extends Env = Env> {
  /**
   * The identity of the ledger: another name starts with an empty one. The default is the pattern that the
   * middleware is mounted under, such as `/orders/*`.
   */
  name?: string;
  /**
   * Who the caller is, known by middleware that ran before: `(c) => c.get('user').id`. Two callers never see
   * each other's results, whatever keys they pick. Without it, `scopeFrom` says by which header fields
   * callers are told apart.
   */
  scope?: (c: Context<E>) => ScopeValue | Promise<ScopeValue>;
  /** How long a result is replayed; 24–48 h are recommended. The default is 86 400. */
  ttlSeconds?: number;
  /**
   * Without a key: `required` answers 400, `optional` runs the handler as it is, `derived` takes the request
   * itself as its key.
   */
  key?: 'required' | 'optional' | 'derived';
  /**
   * Where the key is, of which the first that holds one counts: a header field, `query:NAME` or
   * `json:/POINTER`.
   */
  keyFrom?: string | readonly string[];
  /** Methods that are keyed; all others pass. The default is POST and PATCH. */
  methods?: string | readonly string[];
  /**
   * Who the caller is: `auto`, `none` (all callers are one), or header names, `cookie:NAME` and `query:NAME`.
   */
  scopeFrom?: string | readonly string[];
  /**
   * What makes two requests the same: all bytes of the body, JSON in one spelling, or nothing but the key.
   */
  fingerprint?: 'bytes' | 'json' | 'none';
  /** A duplicate while the first request runs: `wait` joins it, `reject` answers 409. */
  concurrent?: 'wait' | 'reject';
  /** How long a duplicate waits for the head of the running one. The default is 60. */
  waitSeconds?: number;
  /** What counts as success, such as `200-299,404`. */
  recordStatuses?: string | readonly string[];
  /** By which marks a success says that it failed after all. */
  failedWhen?: string | readonly string[];
  /**
   * When nobody knows whether the handler had its effect: `retry` runs it again, `refuse` answers 409. The
   * default is `retry`.
   */
  unknownOutcome?: 'retry' | 'refuse';
  /**
   * How long a run goes on after its last client has left; 0: it ends with it. Without it, every run goes on
   * to its end.
   */
  cancelAfterSeconds?: number;
  /**
   * Whether a client that prefers `respond-async` is told that its request runs, and comes back for the
   * result. Needs `app.use(results({ app }))` before everything else. The default is `false`.
   */
  respondAsync?: boolean;
  /**
   * Longest silence of the handler: before its response, or between two pieces of its body. The default is
   * 600.
   */
  upstreamTimeoutSeconds?: number;
  /** Larger request bodies get 413. The default is 10 MiB. */
  maxRequestBytes?: number;
  /** A larger response reaches its client whole, but is not recorded: its retries get 409. */
  maxRecordBytes?: number;
  /** A smaller result stays in the ledger for its TTL and is never written to KV. */
  resultsFromBytes?: number;
  /** Executions that one caller may have running in one ledger object; over it, 429. */
  maxRunningPerCaller?: number;
  /** Bytes that one caller may have stored in one ledger object; over it, 429. */
  maxStoredBytesPerCaller?: number;
  /** Ledger objects. Another number starts with an empty ledger. The default is 16. */
  shards?: number;
  /** A location hint for the ledger. */
  location?: string;
  /** Which bindings of the Worker it works with, where they are not called `LEDGER` and `RESULTS`. */
  bindings?: IdempotencyBindings;
  /** The export that handles the Worker's requests and this app is behind. The default is `default`. */
  entrypoint?: string;
}

/** The names of bindings. */
export interface IdempotencyBindings {
  /** The Durable Object binding of class `Ledger`. */
  ledger?: string;
  /** The KV namespace for results. With another name, the class is `ledgerWith({ results })`. */
  results?: string;
  /** A rate limit that each caller, and each address, is counted against. */
  rateLimiter?: string;
  /** An Analytics Engine dataset that gets a data point for each keyed request. */
  events?: string;
}

/** What a handler may know of the execution that it runs for, by `c.get('idempotency')`. */
export interface Idempotency {
  readonly key: string;
  /** The execution's id, as the operator's surface shows it. */
  readonly execution: string;
}

/** What `results()` takes. */
export interface ResultsOptions {
  /** The app that the Worker exports. */
  app: ResultsApp;
}

/** An app, whatever its types. */
export interface ResultsApp {
  readonly routes: readonly Pick<RouterRoute, 'method' | 'path' | 'handler'>[];
  // biome-ignore lint/suspicious/noExplicitAny: as Hono has it, where the types of an app are not known.
  readonly getPath: (request: Request, options?: any) => string;
}
