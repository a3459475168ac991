/** @module Drops bodies that RESULTS has. Runs in: the ledger object. */

import type { Removal } from './removal.ts';
import type { CompletedRow } from './store/row.ts';
import { KV_SETTLES_MS, type Rows } from './store/rows.ts';
import type { StorageRoom } from './store/storage-room.ts';
import { RETRY_MS, SWEEP_ROWS, soonest } from './sweep-pace.ts';

/**
 * A result in one row with a smaller body shares its database page with others, so that to drop it makes no
 * room for anything.
 */
const OWN_PAGES_FROM_BYTES = 4 * 1024;

/**
 * Drops bodies that RESULTS has: those of several pieces, when they are no longer hot, or before that where
 * the object has little room. A result of one row stays beside its copy in RESULTS, and leaves, the oldest
 * first, only where there is hardly any room left.
 */
export class Cooling {
  readonly #rows: Rows;
  readonly #removal: Removal;
  readonly #storage: StorageRoom;
  /** Whether a body is read, or not known to be in RESULTS yet, or any more. */
  readonly #isNeeded: (row: CompletedRow) => boolean;
  /** No small result before this row is to leave. */
  #crowdedFrom = 0;

  constructor(rows: Rows, removal: Removal, storage: StorageRoom, isNeeded: (row: CompletedRow) => boolean) {
    this.#rows = rows;
    this.#removal = removal;
    this.#storage = storage;
    this.#isNeeded = isNeeded;
  }

  /** Returns when there is the next body to drop; `null` where there is none. */
  cool(now: number): number | null {
    const next = this.#coolDue(now);
    if (this.#storage.isPressed) this.#coolHot(now);
    return this.#storage.isCrowded ? soonest(next, this.#coolSmall(now)) : next;
  }

  #coolDue(now: number): number | null {
    const due = this.#rows.toCool(now, SWEEP_ROWS);
    const left = due.filter((row) => !this.#drop(row)).length;
    if (left < due.length && due.length === SWEEP_ROWS) return now;
    // What is read, or on its way to RESULTS, is not for long.
    return soonest(this.#rows.nextToCool(now), left > 0 ? now + RETRY_MS : null);
  }

  /** So many as it takes, and no more. */
  #coolHot(now: number): void {
    for (const row of this.#rows.settledButHot(now, SWEEP_ROWS)) {
      if (!this.#storage.isPressed) return;
      this.#drop(row);
    }
  }

  #coolSmall(now: number): number | null {
    let seen = 0;
    for (const row of this.#rows.from(this.#crowdedFrom)) {
      if (!this.#storage.isCrowded) return null;
      if (seen === SWEEP_ROWS) return now;
      seen += 1;
      this.#crowdedFrom = row.seq + 1;
      if (row.state !== 'completed' || row.place !== 'ledger' || row.size < OWN_PAGES_FROM_BYTES) continue;
      if (row.completedAt + KV_SETTLES_MS <= now) this.#drop(row);
    }
    // From the oldest on again: what was needed may not be any more.
    this.#crowdedFrom = 0;
    return now + RETRY_MS;
  }

  /** Returns whether it is gone. */
  #drop(row: CompletedRow): boolean {
    if (this.#isNeeded(row)) return false;
    this.#removal.dropBody(row);
    return true;
  }
}
