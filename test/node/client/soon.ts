/** Retries that nobody waits for. */
export const soon = { baseDelayMs: 1, maxDelayMs: 1 };
