/** @module Cuts off a reader that takes nothing. Runs in: the Worker, the ledger object. */

/**
 * How long a reader may take nothing of a body that is kept for it. A body is read in pieces of up to 512
 * KiB, so this asks for 2 KB a second of the slowest client.
 */
export const STALLED_READER_MS = 300_000;

/** What a reader gets that was cut off. */
export class StalledReaderError extends Error {
  override readonly name = 'StalledReaderError';

  constructor() {
    super(`nothing was read for ${STALLED_READER_MS / 1000} s, and the reader was cut off`);
  }
}

/**
 * Watches a reader. Calls `cutOff` where `progress` stays the same for {@link STALLED_READER_MS}, or up to
 * twice as long. Returns what ends the watch. To call that again does nothing.
 */
export function watchReader(progress: () => number, cutOff: (error: StalledReaderError) => void): () => void {
  let before = progress();
  const timer = setInterval(() => {
    const now = progress();
    if (now === before) {
      clearInterval(timer);
      cutOff(new StalledReaderError());
    }
    before = now;
  }, STALLED_READER_MS);
  return () => clearInterval(timer);
}
