/** What the load generator is to do, and what it found. Both cross to its process as JSON. */

export interface LoadJob {
  readonly url: string;
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  /** How many requests are under way at a time, each on a connection of its own that is kept. */
  readonly connections: number;
  /** It ends with whichever comes first. */
  readonly maxMs: number;
  readonly maxRequests: number;
  readonly keys: Keys | null;
  /** `null` for none. The body holds the key's number, so that keys have bodies of their own. */
  readonly body: { readonly bytes: number; readonly kind: 'json' | 'chat'; readonly shift?: number } | null;
  readonly expect: {
    readonly status: number;
    /** A regular expression for the response's head, in lower case. */
    readonly head?: string;
  };
}

/** Each key is the prefix and a number. */
export interface Keys {
  readonly header: string;
  readonly prefix: string;
  /**
   * Which number the nth request gets: n by `sharedBy`, rounded down; or n, counted on from `from`, modulo
   * `pool`.
   */
  readonly pool?: number;
  readonly from?: number;
  readonly sharedBy?: number;
}

export interface LoadResult {
  readonly requests: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly bytesPerSecond: number;
  /** Responses that were not as expected, by what they were. */
  readonly unexpected: Readonly<Record<string, number>>;
}
