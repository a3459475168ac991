/**
 * Aborts its signal when the upstream has been silent for too long. The timer is not set anew for each piece of a
 * stream: it looks, when it fires, how long ago the last one came.
 */
export class Silence {
  readonly #controller = new AbortController();
  readonly #maxMs: number;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #heardAt = 0;

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
    if (this.#timer === null) this.#set(this.#maxMs);
  }

  /** From now on nothing is expected of the upstream. */
  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #set(ms: number): void {
    this.#timer = setTimeout(() => {
      const leftMs = this.#heardAt + this.#maxMs - Date.now();
      if (leftMs > 0) return this.#set(leftMs);
      this.#timer = null;
      this.#controller.abort(new Error(`the upstream was silent for ${this.#maxMs / 1000} s`));
    }, ms);
  }
}
