/** Waits for `promise`, but no longer than `ms`. Says whether it settled in time; a later rejection is ignored. */
export async function settlesWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | null = null;
  const deadline = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, ms, false);
  });
  try {
    return await Promise.race([promise.then(() => true), deadline]);
  } finally {
    clearTimeout(timer);
  }
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
