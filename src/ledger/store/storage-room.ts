/** @module How much room is left in the object's database. Runs in: the ledger object. */

/** What one Durable Object stores at most. */
export const OBJECT_MAX_BYTES = 10_000_000_000;

/**
 * From here on a body of several pieces leaves as soon as RESULTS has it, hot or not. Below what one caller
 * may store: see settings.ts.
 */
const PRESSED_FROM_BYTES = 0.4 * OBJECT_MAX_BYTES;
/** From here on small results leave too, the oldest first. */
const CROWDED_FROM_BYTES = 0.8 * OBJECT_MAX_BYTES;
/** From here on nothing is begun. */
const FULL_FROM_BYTES = 0.9 * OBJECT_MAX_BYTES;
/**
 * From here on running bodies are not recorded. What is left is for rows, with the last pieces of bodies in
 * them.
 */
const BODIES_UP_TO_BYTES = 0.95 * OBJECT_MAX_BYTES;

/**
 * How much room is left in a ledger object's database. A write that finds none resets the object, with all
 * that runs in it, so it is not to come to that.
 */
export class StorageRoom {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** Without the pages that are free to be used again. To ask takes some 4 µs. */
  get usedBytes(): number {
    return this.#sql.databaseSize;
  }

  /** Bodies are to leave before their time. */
  get isPressed(): boolean {
    return this.usedBytes >= PRESSED_FROM_BYTES;
  }

  /** Small results are to leave, too. */
  get isCrowded(): boolean {
    return this.usedBytes >= CROWDED_FROM_BYTES;
  }

  /** No execution is to begin. */
  get isFull(): boolean {
    return this.usedBytes >= FULL_FROM_BYTES;
  }

  /** No piece of a running body is to be written. */
  get isOutOfPieces(): boolean {
    return this.usedBytes >= BODIES_UP_TO_BYTES;
  }
}
