/**
 * What happened, as each side saw it: the clients' calls and the origin's runs. All times are milliseconds on
 * one clock.
 */

/** One execution as the contract names it: a key is only a key of one caller on one route. */
export interface Subject {
  readonly route: string;
  readonly caller: string;
  readonly key: string;
}

/** One request of one client. `endedAt` is when the client had all that it would get. */
export interface Call extends Subject {
  readonly body: string;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly outcome: CallOutcome;
}

export type CallOutcome =
  /** A whole response that came from the origin, new or recorded. */
  | {
      readonly kind: 'response';
      readonly status: number;
      /** Over all that a replay has to keep: status, content type and body. */
      readonly digest: string;
      /** Of the body. */
      readonly bytes: number;
      readonly replayed: boolean;
      readonly from: Provenance;
    }
  /** The gateway's own answer. */
  | { readonly kind: 'problem'; readonly status: number; readonly slug: string }
  /** A whole response that is neither, which nobody should ever see. */
  | { readonly kind: 'stray'; readonly status: number; readonly text: string }
  /** The connection ended before the response did, whoever ended it. `from` where enough came to tell. */
  | { readonly kind: 'broken'; readonly by: 'client' | 'gateway'; readonly from: Provenance | null };

/** The origin writes into each response which run it is of, and what that run was asked by whom. */
export interface Provenance extends Subject {
  readonly run: number;
  readonly body: string;
}

/** One request that reached the origin. Numbered from 1 over all keys. */
export interface Run extends Subject {
  readonly run: number;
  readonly body: string;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly fate: RunFate;
}

export type RunFate =
  /** A response that counts as success, sent whole. */
  | 'succeeded'
  /** A status that is no success. */
  | 'failed'
  /** The origin reset, truncated or stalled. */
  | 'broke'
  /** The gateway closed the connection while the origin was still answering. */
  | 'cut';

export interface Interval {
  readonly at: number;
  readonly until: number;
}

/** The gateway or the ledger's objects were ended at `at`, and answered again from `until` on. */
export type Death = Interval;

export interface Policy {
  readonly unknownOutcome: 'retry' | 'refuse';
  readonly ttlMs: number;
  /** Whether a run ends when its last client leaves. */
  readonly cancels: boolean;
  /** Whether the key alone says which request it is, whatever its body says. */
  readonly keyAlone: boolean;
  /** After so much silence the gateway gives a run up. */
  readonly silenceMs: number;
  /** A larger response may be refused a replay. */
  readonly maxRecordBytes: number;
}

export interface History {
  readonly calls: readonly Call[];
  readonly runs: readonly Run[];
  readonly deaths: readonly Death[];
  /** When KV or the ledger was out of reach. */
  readonly outages: readonly Interval[];
  readonly policies: ReadonlyMap<string, Policy>;
}

export function subjectOf({ route, caller, key }: Subject): string {
  return JSON.stringify([route, caller, key]);
}
