/** @module What all bodies in an isolate may take together. Runs in: the Worker, the ledger object. */

import { MemoryTally } from './memory-tally.ts';

/** A part of an isolate that holds bodies: its Worker, or one of its ledger objects. */
export interface MemoryUser {
  readonly tally: MemoryTally;
  /** What is held for a caller or an address. */
  heldBy(party: string): number;
}

/**
 * What all bodies in an isolate may take together, of its 128 MB: the Worker and ledger objects, as many as
 * the platform puts there, are in one. Whoever holds bodies says so here, whatever bound of its own it has.
 */
export class IsolateMemory {
  readonly maxBytes: number;
  readonly #users = new Map<string | symbol, WeakRef<MemoryUser>>();
  /** What is held takes at most this much, with what was given back since it was last summed up. */
  #atMostBytes = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  /**
   * Takes in a user, in the place of an earlier one of this name: an object that has started again holds
   * nothing of before.
   */
  join(name: string | symbol, user: MemoryUser): void {
    for (const [known, reference] of this.#users)
      if (reference.deref() === undefined) this.#users.delete(known);
    this.#users.set(name, new WeakRef(user));
  }

  get heldBytes(): number {
    return this.#tally().heldBytes;
  }

  /** Whether something that takes `from` bytes may take `to`. Where it may, it is taken to do so. */
  hasRoom(from: number, to: number): boolean {
    // To sum up for each request would be its most expensive part here, and there is most often room enough.
    if (this.#atMostBytes - from + to > this.maxBytes) {
      const tally = this.#tally();
      this.#atMostBytes = tally.heldBytes;
      if (!tally.hasRoom(from, to)) return false;
    }
    this.#atMostBytes += to - from;
    return true;
  }

  /** What is held for a caller or an address, all over the isolate. */
  heldBy(party: string): number {
    let bytes = 0;
    for (const reference of this.#users.values()) bytes += reference.deref()?.heldBy(party) ?? 0;
    return bytes;
  }

  /**
   * Summed up anew, so that what an object held that was ended counts no longer than the object is there.
   * There are few.
   */
  #tally(): MemoryTally {
    const tally = new MemoryTally(this.maxBytes);
    for (const reference of this.#users.values()) {
      const user = reference.deref();
      if (user !== undefined) tally.add(user.tally);
    }
    return tally;
  }
}

const MIB = 1024 * 1024;

/**
 * Enough to hand a body of the largest size on from the Worker to an object beside it. See docs/limits.md for
 * what else is in an isolate.
 */
export const isolateMemory = new IsolateMemory(72 * MIB);
