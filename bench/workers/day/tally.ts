/** What a day was, as Cloudflare's bill and an operator count it. Each is a sum that only grows. */
export const COUNTED = [
  /** Requests of clients to a Worker. */
  'requests',
  /** Of those, the ones that a Worker answered from a lease. */
  'fromLeases',
  /**
   * Calls to the ledger object; those that only say how often a Worker replayed by itself; alarms that came,
   * and that were set.
   */
  'calls',
  'leaseCalls',
  'alarms',
  'alarmsSet',
  'rowsRead',
  /** With a row for each alarm that was set. */
  'rowsWritten',
  'kvReads',
  'kvWrites',
  'kvWritesFailed',
  'kvDeletes',
  'kvLists',
  /** How long the object was at work. */
  'activeMs',
  /** Runs at the upstream, and why one came after another. */
  'runs',
  'runsAfterFailure',
  'runsAfterUnknown',
  'runsAfterLoss',
  'runsAfterTtl',
  /** Results that a run ended with, and of these the ones under `refuse`. */
  'results',
  'resultsRefusing',
  /** Of bodies of several pieces: how many, their bytes, and their full pieces. */
  'largeResults',
  'largeBytes',
  'fullPieces',
  'resultBytes',
  /** How long the upstream took for all runs. */
  'upstreamMs',
  /** Runs under `refuse` that left no result. Each wrote its intent. */
  'intentsInVain',
  /** Keys that were asked for again, which are a row each, written and removed. */
  'repeatedKeys',
  'objectsLost',
] as const;

export type Counted = (typeof COUNTED)[number];
export type Counts = Readonly<Record<Counted, number>>;

/** Keeps count. */
export class Tally {
  readonly #counts = Object.fromEntries(COUNTED.map((name) => [name, 0])) as Record<Counted, number>;
  /** What clients were answered, and what the ledger logged. */
  readonly #words = new Map<string, number>();

  add(name: Counted, by = 1): void {
    this.#counts[name] += by;
  }

  say(word: string): void {
    this.#words.set(word, (this.#words.get(word) ?? 0) + 1);
  }

  get counts(): Counts {
    return { ...this.#counts };
  }

  get words(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#words].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  }
}
