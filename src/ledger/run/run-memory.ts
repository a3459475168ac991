/** @module What runs hold in memory, and how much they may. Runs in: the ledger object. */

import type { Room } from '../../body-bytes.ts';
import { ByteBudget, type Hold } from '../../budget.ts';
import type { IsolateMemory, MemoryUser } from '../../isolate-memory.ts';
import { type MemoryTally, SMALL_BODIES_BYTES } from '../../memory-tally.ts';
import type { NoRoom } from '../../protocol.ts';
import type { SpareRoom } from './body-log.ts';

/** What one object may hold, of what there is in its isolate: see isolate-memory.ts. */
export const OBJECT_BODIES_BYTES = 40 * 1024 * 1024;

/** What a run takes without its bodies' larger buffers: its first ones, its streams and itself, about. */
const RUN_BYTES = 32 * 1024;

/**
 * Of the memory: up to where buffers grow that could as well be written down, up to where results are held
 * that can be put into RESULTS later, and one caller's share: up to there its buffers grow, and past it,
 * where memory is short, it is the one to be told so.
 */
const TAILS_PART = 1 / 2;
const RESULTS_PART = 3 / 4;
const SHARE_PART = 1 / 4;
/** No caller has more than this of all there is, so that there is always something for another. */
const CALLER_PART = 3 / 4;

/**
 * What the runs of one ledger object hold in memory: their requests' bodies until they are sent, and their
 * responses'.
 */
export class RunMemory implements MemoryUser {
  readonly #budget: ByteBudget;
  readonly #isolate: IsolateMemory | null;
  /** Bytes held for each caller and address that has a run. */
  readonly #held = new Map<string, number>();
  #turn: Promise<unknown> = Promise.resolve();

  /** `isolate`: what there is for this object and for whatever else is where it is. */
  constructor(maxBytes: number = OBJECT_BODIES_BYTES, isolate: IsolateMemory | null = null) {
    this.#budget = new ByteBudget(maxBytes, isolate);
    this.#isolate = isolate;
  }

  get tally(): MemoryTally {
    return this.#budget.tally;
  }

  heldBy(party: string): number {
    return this.#held.get(party) ?? 0;
  }

  get heldBytes(): number {
    return this.#budget.heldBytes;
  }

  /**
   * Takes what a run needs at least; tells why not where there is no room for it. `parties` are whom it
   * counts against.
   */
  admit(parties: readonly string[]): RunRoom | NoRoom {
    const room = new RunRoom(this.#budget.hold(), parties, this);
    return room.grow(RUN_BYTES) ? room : this.refusal(parties);
  }

  /** Ends a run that does not begin, as there is no room for its request; tells why. */
  giveUp(room: RunRoom): NoRoom {
    const refusal = this.refusal(room.parties);
    room.end();
    return refusal;
  }

  /** Whether these parties may take so many bytes for the sake of speed. */
  isAmple(parties: readonly string[], bytes: number): boolean {
    const { heldBytes, maxBytes } = this.#budget;
    return (
      heldBytes + bytes <= maxBytes * TAILS_PART &&
      this.#hasShare(parties, bytes) &&
      (this.#isolate === null || this.#isolate.heldBytes + bytes <= this.#isolate.maxBytes * TAILS_PART)
    );
  }

  /**
   * Whether what has `ownBytes` may take so many more and leave something for others than its parties. One
   * body may be as large as it is.
   */
  leavesSome(parties: readonly string[], bytes: number, ownBytes: number): boolean {
    return parties.every((party) => {
      const here = this.heldBy(party);
      if (here === ownBytes) return true;
      if (here + bytes > CALLER_PART * (this.#budget.maxBytes + SMALL_BODIES_BYTES)) return false;
      const isolate = this.#isolate;
      if (isolate === null || isolate.heldBytes + bytes <= CALLER_PART * isolate.maxBytes) return true;
      return isolate.heldBy(party) + bytes <= CALLER_PART * isolate.maxBytes;
    });
  }

  /**
   * Holds a result while it is put into RESULTS. `null` where memory is short, so that it is put there later,
   * by the sweep.
   */
  holdResult(bytes: number): { release(): void } | null {
    const { heldBytes, maxBytes } = this.#budget;
    if (heldBytes + bytes > maxBytes * RESULTS_PART) return null;
    const hold = this.#budget.hold();
    return hold.grow(bytes) ? hold : null;
  }

  /** Runs tasks that each need much memory for a short time, one after the other. */
  inTurn<T>(task: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(task);
    this.#turn = done.catch(() => {});
    return done;
  }

  /** To be called by a run's room alone. */
  changed(parties: readonly string[], bytes: number): void {
    for (const party of parties) {
      const held = (this.#held.get(party) ?? 0) + bytes;
      if (held > 0) this.#held.set(party, held);
      else this.#held.delete(party);
    }
  }

  /** Why there is no room for these parties. */
  refusal(parties: readonly string[]): NoRoom {
    return this.#hasShare(parties, 0) ? 'no-room' : 'too-much-held';
  }

  #hasShare(parties: readonly string[], bytes: number): boolean {
    const share = this.#budget.maxBytes * SHARE_PART;
    return parties.every((party) => this.heldBy(party) + bytes <= share);
  }
}

/** What one run takes. */
export class RunRoom implements Room, SpareRoom {
  readonly parties: readonly string[];
  readonly #hold: Hold;
  readonly #memory: RunMemory;

  constructor(hold: Hold, parties: readonly string[], memory: RunMemory) {
    this.#hold = hold;
    this.parties = parties;
    this.#memory = memory;
  }

  grow(bytes: number): boolean {
    if (!this.#memory.leavesSome(this.parties, bytes, this.#hold.bytes)) return false;
    if (!this.#hold.grow(bytes)) return false;
    this.#memory.changed(this.parties, bytes);
    return true;
  }

  /** Grows where memory is ample. What would not fit is to be written down instead. */
  growIfAmple(bytes: number): boolean {
    return this.#memory.isAmple(this.parties, bytes) && this.grow(bytes);
  }

  shrink(bytes: number): void {
    const before = this.#hold.bytes;
    this.#hold.shrink(bytes);
    this.#memory.changed(this.parties, this.#hold.bytes - before);
  }

  inTurn<T>(task: () => Promise<T>): Promise<T> {
    return this.#memory.inTurn(task);
  }

  /** The run is over, and nobody reads its response any more: what it began with is given back. */
  end(): void {
    this.shrink(RUN_BYTES);
  }
}
