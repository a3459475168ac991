/** @module One timer for all that may take too long. Runs in: the ledger object. */

/** How often it is looked. What is late is noticed by so much later. */
const LOOK_EVERY_MS = 250;

/** Something that must not take for ever. */
export interface Watched {
  /** When it is late, in milliseconds since the epoch; `null` as long as nothing is expected of it. */
  readonly dueAt: number | null;
  /** It is late. Called once. */
  late(): void;
}

/**
 * One timer for all in an object that may take too long. To set and clear a timer for each run, and for each
 * write to KV, was a tenth of what a first run costs.
 */
export class Watchdog {
  readonly #watched = new Set<Watched>();
  #timer: ReturnType<typeof setInterval> | null = null;

  watch(watched: Watched): void {
    this.#watched.add(watched);
    this.#timer ??= setInterval(() => this.#look(), LOOK_EVERY_MS);
  }

  /** To call that for what is not watched any more does nothing. */
  unwatch(watched: Watched): void {
    this.#watched.delete(watched);
    if (this.#watched.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }

  /**
   * Waits for `promise`, but no longer than about `ms`. Says whether it settled in time; a later rejection is
   * ignored.
   */
  async settlesWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
    const { promise: lateness, resolve } = Promise.withResolvers<boolean>();
    const watched = { dueAt: Date.now() + ms, late: () => resolve(false) };
    this.watch(watched);
    try {
      return await Promise.race([promise.then(() => true), lateness]);
    } finally {
      this.unwatch(watched);
    }
  }

  #look(): void {
    const now = Date.now();
    for (const watched of this.#watched) {
      if (watched.dueAt === null || watched.dueAt > now) continue;
      this.unwatch(watched);
      watched.late();
    }
  }
}
