/** @module How long an upstream may be silent. Runs in: the ledger object. */

import type { Watchdog } from './watchdog.ts';

/** Aborts its signal when the upstream has been silent for too long while something was expected of it. */
export class Silence {
  readonly #controller = new AbortController();
  readonly #maxMs: number;
  readonly #watchdog: Watchdog;
  #dueAt: number | null = null;
  #tooLong = false;

  constructor(maxMs: number, watchdog: Watchdog) {
    this.#maxMs = maxMs;
    this.#watchdog = watchdog;
    watchdog.watch(this);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Whether the upstream was given up for its silence. */
  get tooLong(): boolean {
    return this.#tooLong;
  }

  get dueAt(): number | null {
    return this.#dueAt;
  }

  late(): void {
    this.#tooLong = true;
    this.abort(new Error(`the upstream was silent for ${this.#maxMs / 1000} s`));
  }

  /** Gives the upstream up, for this reason. */
  abort(reason: Error): void {
    this.#controller.abort(reason);
  }

  /** From now on the upstream is expected to say something. */
  listen(): void {
    this.#dueAt = Date.now() + this.#maxMs;
  }

  /** Until the next `listen`, nothing is expected of the upstream. */
  pause(): void {
    this.#dueAt = null;
  }

  /** Nothing more is expected of the upstream. */
  stop(): void {
    this.#watchdog.unwatch(this);
  }
}
