/** What one Durable Object holds at most. */
export const OBJECT_MAX_BYTES = 10_000_000_000;

/** From here on a body leaves as soon as RESULTS has it, hot or not. Below what one caller may fill: see settings.ts. */
const PRESSED_FROM_BYTES = 0.4 * OBJECT_MAX_BYTES;
/** From here on nothing is begun. */
const FULL_FROM_BYTES = 0.9 * OBJECT_MAX_BYTES;
/** From here on running bodies are not recorded, so that what is left is there for the rows and their last pieces. */
const BODIES_UP_TO_BYTES = 0.95 * OBJECT_MAX_BYTES;

/**
 * How full a ledger object is. A write that finds no room resets the object, with all that runs in it, so it is not to come
 * to that.
 */
export class Room {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** Bodies are to leave before their time. */
  get isPressed(): boolean {
    return this.#bytes >= PRESSED_FROM_BYTES;
  }

  /** No execution is to begin. */
  get isFull(): boolean {
    return this.#bytes >= FULL_FROM_BYTES;
  }

  /** No piece of a running body is to be written. */
  get isOutOfPieces(): boolean {
    return this.#bytes >= BODIES_UP_TO_BYTES;
  }

  /** Without the pages that are free to be used again. To ask costs some 4 µs. */
  get #bytes(): number {
    return this.#sql.databaseSize;
  }
}
