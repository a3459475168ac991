/** @module How much of a budget is taken. Runs in: the Worker, the ledger object. */

/** A body up to this size is small. */
const SMALL_BYTES = 64 * 1024;

/** What small bodies may always take, over the budget too, so that large ones do not keep them out. */
export const SMALL_BODIES_BYTES = 8 * 1024 * 1024;

/** How much of a budget is taken, and whether more may be. */
export class MemoryTally {
  readonly maxBytes: number;
  #heldBytes = 0;
  #largeBytes = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /**
   * Whether what takes `from` bytes may take `to`. A large body that is the only one may be larger than the
   * budget: how large, its own limit says.
   */
  hasRoom(from: number, to: number): boolean {
    const inAll = this.#heldBytes - from + to;
    const others = this.#largeBytes - largeBytes(from);
    if (largeBytes(to) === 0) {
      return inAll <= this.maxBytes + SMALL_BODIES_BYTES || inAll - others <= SMALL_BODIES_BYTES;
    }
    return others === 0 || (others + to <= this.maxBytes && inAll <= this.maxBytes + SMALL_BODIES_BYTES);
  }

  change(from: number, to: number): void {
    this.#heldBytes += to - from;
    this.#largeBytes += largeBytes(to) - largeBytes(from);
  }

  /** What another has is here, too. */
  add(other: MemoryTally): void {
    this.#heldBytes += other.#heldBytes;
    this.#largeBytes += other.#largeBytes;
  }
}

function largeBytes(bytes: number): number {
  return bytes > SMALL_BYTES ? bytes : 0;
}
