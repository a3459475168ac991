/** A body up to this size is small. */
const SMALL_BYTES = 64 * 1024;

/** What small bodies may take over the budget, so that large ones do not keep them out. */
const SMALL_BODIES_BYTES = 8 * 1024 * 1024;

/**
 * How many bytes of bodies may be held in memory at the same time. What is over it is refused, and so has to be given back by
 * whoever got that far. A large body that is the only one may be larger than the budget: how large, its own limit says.
 */
export class ByteBudget {
  readonly maxBytes: number;
  readonly #holds = new Set<Hold>();
  readonly #lapseMs: number;
  #heldBytes = 0;
  #largeBytes = 0;

  /** A hold that nobody has touched for `lapseMs` counts no more: it is of a request that the runtime has ended. */
  constructor(maxBytes: number, lapseMs = Number.POSITIVE_INFINITY) {
    this.maxBytes = maxBytes;
    this.#lapseMs = lapseMs;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Takes nothing until it grows. */
  hold(): Hold {
    return new Hold(this);
  }

  /** To be called by the hold alone. `false` where there is no room for it to take so many bytes in place of what it has. */
  resize(hold: Hold, bytes: number): boolean {
    if (bytes > hold.bytes && !this.#hasRoom(hold, bytes)) {
      this.#releaseLapsed(hold);
      if (!this.#hasRoom(hold, bytes)) return false;
    }
    this.#heldBytes += bytes - hold.bytes;
    this.#largeBytes += largeBytes(bytes) - largeBytes(hold.bytes);
    if (bytes > 0) this.#holds.add(hold);
    else this.#holds.delete(hold);
    return true;
  }

  #hasRoom(hold: Hold, bytes: number): boolean {
    const inAll = this.#heldBytes - hold.bytes + bytes;
    if (largeBytes(bytes) > 0) {
      const others = this.#largeBytes - largeBytes(hold.bytes);
      if (others === 0) return true;
      if (others + bytes > this.maxBytes) return false;
    }
    return inAll <= this.maxBytes + SMALL_BODIES_BYTES;
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

function largeBytes(bytes: number): number {
  return bytes > SMALL_BYTES ? bytes : 0;
}
