/**
 * @module Who reads recorded bodies of several pieces, and how many may.
 * Runs in: the Worker, the ledger object.
 */

import { ByteBudget, type Hold } from '../budget.ts';
import type { IsolateMemory, MemoryUser } from '../isolate-memory.ts';
import type { MemoryTally } from '../memory-tally.ts';
import type { NoRoom } from '../protocol.ts';
import { PIECE_BYTES } from './format.ts';
import { STALLED_READER_MS } from './stalled-reader.ts';

/** What readers of recorded bodies of several pieces may hold together: 40 of them, each a piece. */
const READERS_BYTES = 40 * PIECE_BYTES;

/** So many of them may be one caller's, or of one address. */
const READERS_OF_ONE = 20;

/**
 * A stalled reader is cut off by then. One that is there still is of a request whose end nobody has been
 * told.
 */
const LAPSE_MS = 2 * STALLED_READER_MS;

/**
 * Those who read recorded bodies of several pieces. Each holds a piece in memory until it has taken it, which
 * may be for minutes, so there is a bound to how many there are.
 */
export class Readers implements MemoryUser {
  readonly #budget: ByteBudget;
  readonly #readers = new Set<BodyReading>();

  constructor(isolate: IsolateMemory | null = null) {
    this.#budget = new ByteBudget(READERS_BYTES, isolate);
  }

  get tally(): MemoryTally {
    return this.#budget.tally;
  }

  heldBy(party: string): number {
    return this.#countOf(party) * PIECE_BYTES;
  }

  /** Lets a reader in, or says why not. */
  enter(parties: readonly string[]): BodyReading | NoRoom {
    for (const reader of this.#readers) if (reader.movedAt + LAPSE_MS < Date.now()) reader.leave();
    if (parties.some((party) => this.#countOf(party) >= READERS_OF_ONE)) return 'too-much-held';
    const hold = this.#budget.hold();
    if (!hold.grow(PIECE_BYTES)) return 'no-room';
    const reader = new BodyReading(hold, parties, () => this.#readers.delete(reader));
    this.#readers.add(reader);
    return reader;
  }

  #countOf(party: string): number {
    let count = 0;
    for (const { parties } of this.#readers) if (parties.includes(party)) count += 1;
    return count;
  }
}

/** One who was let in. */
export class BodyReading {
  readonly parties: readonly string[];
  readonly #hold: Hold;
  readonly #left: () => void;
  #movedAt = Date.now();

  constructor(hold: Hold, parties: readonly string[], left: () => void) {
    this.#hold = hold;
    this.parties = parties;
    this.#left = left;
  }

  /** In milliseconds since the epoch. */
  get movedAt(): number {
    return this.#movedAt;
  }

  /** To be called when it takes a piece. */
  moved(): void {
    this.#movedAt = Date.now();
  }

  /** To call that again does nothing. */
  leave(): void {
    this.#hold.release();
    this.#left();
  }
}
