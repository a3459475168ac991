/**
 * @module How many bytes of bodies may be held in memory at the same time.
 * Runs in: the Worker, the ledger object.
 */

import type { IsolateMemory } from './isolate-memory.ts';
import { MemoryTally } from './memory-tally.ts';

/**
 * How many bytes of bodies may be held in memory at the same time. What is over it is refused, and so has to
 * be given back by whoever got that far.
 */
export class ByteBudget {
  readonly maxBytes: number;
  readonly tally: MemoryTally;
  readonly #holds = new Set<Hold>();
  readonly #isolate: IsolateMemory | null;
  readonly #lapseMs: number;

  /**
   * `isolate`: what there is for all budgets of it. A hold that nobody has touched for `lapseMs` counts no
   * more: it is of a request that the runtime has ended.
   */
  constructor(
    maxBytes: number,
    isolate: IsolateMemory | null = null,
    lapseMs: number = Number.POSITIVE_INFINITY,
  ) {
    this.maxBytes = maxBytes;
    this.tally = new MemoryTally(maxBytes);
    this.#isolate = isolate;
    this.#lapseMs = lapseMs;
  }

  get heldBytes(): number {
    return this.tally.heldBytes;
  }

  /** Takes nothing until it grows. */
  hold(): Hold {
    return new Hold(this);
  }

  /**
   * To be called by the hold alone. `false` where there is no room for it to take so many bytes in place of
   * what it has.
   */
  resize(hold: Hold, bytes: number): boolean {
    if (bytes > hold.bytes && !this.#hasRoom(hold, bytes)) {
      this.#releaseLapsed(hold);
      if (!this.#hasRoom(hold, bytes)) return false;
    }
    this.tally.change(hold.bytes, bytes);
    if (bytes > 0) this.#holds.add(hold);
    else this.#holds.delete(hold);
    return true;
  }

  #hasRoom(hold: Hold, bytes: number): boolean {
    return this.tally.hasRoom(hold.bytes, bytes) && (this.#isolate?.hasRoom(hold.bytes, bytes) ?? true);
  }

  #releaseLapsed(hold: Hold): void {
    const lapsed = Date.now() - this.#lapseMs;
    for (const other of this.#holds) {
      if (other !== hold && other.touchedAt < lapsed) other.release();
    }
  }
}

/** What one body takes of a budget. */
export class Hold {
  readonly #budget: ByteBudget;
  #bytes = 0;
  #touchedAt = 0;

  constructor(budget: ByteBudget) {
    this.#budget = budget;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** In milliseconds since the epoch. */
  get touchedAt(): number {
    return this.#touchedAt;
  }

  /** Takes so many bytes more; `false`, and nothing more is taken, where there is no room for them. */
  grow(bytes: number): boolean {
    return this.#resize(this.#bytes + bytes);
  }

  /** Gives so many bytes back. */
  shrink(bytes: number): void {
    this.#resize(Math.max(0, this.#bytes - bytes));
  }

  release(): void {
    this.#resize(0);
  }

  #resize(bytes: number): boolean {
    this.#touchedAt = Date.now();
    if (!this.#budget.resize(this, bytes)) return false;
    this.#bytes = bytes;
    return true;
  }
}
