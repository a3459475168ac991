/** What one Durable Object holds at most. Tests make it less. */
export const OBJECT_STORAGE = { maxBytes: 10_000_000_000 };

/** Of that, from where on a body leaves as soon as RESULTS has it, hot or not. Below what one caller may fill: see settings.ts. */
const PRESSED_FROM = 0.4;
/** From where on nothing is begun. */
const FULL_FROM = 0.9;
/** From where on running bodies are not recorded, so that what is left is there for the rows and their last pieces. */
const PIECES_UP_TO = 0.95;

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
    return this.#isOver(PRESSED_FROM);
  }

  /** No execution is to begin. */
  get isFull(): boolean {
    return this.#isOver(FULL_FROM);
  }

  /** No piece of a running body is to be written. */
  get isOutOfPieces(): boolean {
    return this.#isOver(PIECES_UP_TO);
  }

  /** Without the pages that are free to be used again. To ask costs some 4 µs. */
  #isOver(part: number): boolean {
    return this.#sql.databaseSize >= part * OBJECT_STORAGE.maxBytes;
  }
}
