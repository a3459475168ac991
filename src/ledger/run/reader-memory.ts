/** @module What one reader of a running body takes of the memory. Runs in: the ledger object. */

import type { SpareRoom } from './body-log.ts';

/** What a reader gets at a time where there is no memory to keep more for it. */
const SLICE_BYTES = 32 * 1024;

/** What a reader takes in any case: what it was given last, its stream and itself, about. */
const READER_BYTES = SLICE_BYTES + 8 * 1024;

/**
 * What one reader of a running body takes of the memory: what it was given and has not taken yet is kept for
 * it.
 */
export class ReaderMemory {
  readonly #room: SpareRoom;
  #held: number;
  #most = SLICE_BYTES;

  private constructor(room: SpareRoom, held: number) {
    this.#room = room;
    this.#held = held;
  }

  /** Of who has begun the run, which has taken it. */
  static ofFirst(room: SpareRoom): ReaderMemory {
    return new ReaderMemory(room, 0);
  }

  /** Of who joins it. `null` where there is none for it. */
  static ofJoined(room: SpareRoom): ReaderMemory | null {
    return room.grow(READER_BYTES) ? new ReaderMemory(room, READER_BYTES) : null;
  }

  /**
   * How much to give it at once that wants so much: `reach`, the most that is to be had at once, where there
   * is memory for that.
   */
  most(wanted: number, reach: number): number {
    if (wanted > this.#most && reach > this.#most && this.#room.growIfAmple(reach - this.#most)) {
      this.#held += reach - this.#most;
      this.#most = reach;
    }
    return this.#most;
  }

  release(): void {
    this.#room.shrink(this.#held);
    this.#held = 0;
  }
}
