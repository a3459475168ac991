/** @module A short time to wait, shared by all who wait. Runs in: the ledger object. */

/** How long a moment is at least. It is no longer than twice that. */
const MOMENT_MS = 5;

/**
 * A short time to wait, that all share who begin to wait within it: a timer for each would cost more than it
 * saves them.
 */
export class Moment {
  #current: { readonly promise: Promise<void>; readonly joinUntil: number } | null = null;

  /** Whether `promise` settles in a moment. It must not reject. */
  settles(promise: Promise<unknown>): Promise<boolean> {
    return Promise.race([promise.then(() => true), this.#next().then(() => false)]);
  }

  #next(): Promise<void> {
    const now = Date.now();
    if (this.#current === null || this.#current.joinUntil < now) {
      const promise = new Promise<void>((resolve) => setTimeout(resolve, 2 * MOMENT_MS));
      this.#current = { promise, joinUntil: now + MOMENT_MS };
    }
    return this.#current.promise;
  }
}
