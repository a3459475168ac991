/** @module Ends a run that all of its clients have left. Runs in: the ledger object. */

import type { Watchdog } from './watchdog.ts';

/** Why a run was ended whose clients have all left. */
export class CancelledError extends Error {
  override readonly name = 'CancelledError';

  constructor() {
    super('all clients have left');
  }
}

/** Ends a run that nobody waits for any more, after the time that its policy gives clients to come back. */
export class Abandonment {
  readonly #afterMs: number | null;
  readonly #watchdog: Watchdog;
  readonly #cancel: () => void;
  #stopped = false;
  #dueAt: number | null = null;

  /** `afterMs`: `null` means never. */
  constructor(afterMs: number | null, watchdog: Watchdog, cancel: () => void) {
    this.#afterMs = afterMs;
    this.#watchdog = watchdog;
    this.#cancel = cancel;
  }

  get dueAt(): number | null {
    return this.#dueAt;
  }

  late(): void {
    this.#cancel();
  }

  /** So many callers wait for the response, or read it. */
  heard(callers: number): void {
    if (this.#afterMs === null || this.#stopped) return;
    this.#watchdog.unwatch(this);
    if (callers > 0) return;
    this.#dueAt = Date.now() + this.#afterMs;
    if (this.#afterMs === 0) this.#cancel();
    else this.#watchdog.watch(this);
  }

  /** From now on it makes no difference who waits. */
  stop(): void {
    this.#stopped = true;
    this.#watchdog.unwatch(this);
  }
}
