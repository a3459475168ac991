/** @module Waiting that a time ends. Runs in: the Worker, the ledger object. */

/**
 * Waits for `promise`, but no longer than `ms`. Says whether it settled in time; a later rejection is
 * ignored.
 */
export function settlesWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  // One promise: to race several takes more than all else here, and every request waits for something.
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms, false);
    promise.then(
      () => {
        clearTimeout(timer);
        resolve(true);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}

/** The promise's value, if it comes within `ms`; rejects where it does not. */
export async function inTime<T>(promise: Promise<T>, ms: number, what: string): Promise<T> {
  if (await settlesWithin(promise, ms)) return promise;
  throw new Error(`${what} took longer than ${ms / 1000} s`);
}

/** Resolves after so many milliseconds; at once where there are none. */
export async function pause(ms: number): Promise<void> {
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
}
