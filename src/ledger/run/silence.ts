/**
 * Aborts its signal when the upstream has been silent for too long. The timer is not set anew for each piece of a
 * stream: it looks, when it fires, how long ago the upstream was last heard, or that nothing is expected of it.
 */
export class Silence {
  readonly #controller = new AbortController();
  readonly #maxMs: number;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #heardAt = 0;
  #listening = false;

  constructor(maxMs: number) {
    this.#maxMs = maxMs;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Whether the upstream was given up. */
  get tooLong(): boolean {
    return this.#controller.signal.aborted;
  }

  /** From now on the upstream is expected to say something. */
  listen(): void {
    this.#heardAt = Date.now();
    this.#listening = true;
    if (this.#timer === null) this.#set(this.#maxMs);
  }

  /** Until the next `listen`, nothing is expected of the upstream. */
  pause(): void {
    this.#listening = false;
  }

  /** Nothing more is expected of the upstream. */
  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #set(ms: number): void {
    this.#timer = setTimeout(() => {
      const leftMs = this.#listening ? this.#heardAt + this.#maxMs - Date.now() : this.#maxMs;
      if (leftMs > 0) return this.#set(leftMs);
      this.#timer = null;
      this.#controller.abort(new Error(`the upstream was silent for ${this.#maxMs / 1000} s`));
    }, ms);
  }
}
