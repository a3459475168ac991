import { PIECE_BYTES } from './rows.ts';

/** Where full pieces of a body go, and come back from. */
export interface PieceStore {
  write(n: number, bytes: Uint8Array): Promise<void>;
  /** The piece, in an array of its own. Rejects where it is gone. */
  read(n: number): Promise<Uint8Array>;
}

const FIRST_CAPACITY_BYTES = 4 * 1024;
const READ_MAX_BYTES = 64 * 1024;

/**
 * The bytes of a running response. The last of them, at most one piece, are in memory; what came before is in the
 * store, piece by piece.
 */
export class BodyLog {
  readonly #store: PieceStore;
  #tail = new Uint8Array(0);
  #tailSize = 0;
  #pieces = 0;

  constructor(store: PieceStore) {
    this.#store = store;
  }

  /** Bytes in all. */
  get size(): number {
    return this.#pieces * PIECE_BYTES + this.#tailSize;
  }

  /** How many more bytes the piece in memory takes. */
  get room(): number {
    return PIECE_BYTES - this.#tailSize;
  }

  /** Appends at most `room` bytes. */
  append(chunk: Uint8Array): void {
    this.#ensureCapacity(this.#tailSize + chunk.byteLength);
    this.#tail.set(chunk, this.#tailSize);
    this.#tailSize += chunk.byteLength;
  }

  /** Ends the full piece in memory: into the store, or away where nobody will read it again. */
  async turn(keep: boolean): Promise<void> {
    if (keep) await this.#store.write(this.#pieces, this.#tail);
    this.#pieces += 1;
    this.#tailSize = 0;
  }

  /** A copy of some bytes from `position` on, at least one, none at or past `end`. Rejects where they are gone. */
  async read(position: number, end: number): Promise<Uint8Array> {
    const n = Math.floor(position / PIECE_BYTES);
    const from = position - n * PIECE_BYTES;
    const to = Math.min(end - n * PIECE_BYTES, PIECE_BYTES);
    if (n < this.#pieces) return (await this.#store.read(n)).subarray(from, to);
    return this.#tail.slice(from, Math.min(to, from + READ_MAX_BYTES));
  }

  /** A copy of the bytes that are in no stored piece. */
  rest(): Uint8Array {
    return this.#tail.slice(0, this.#tailSize);
  }

  #ensureCapacity(size: number): void {
    if (size <= this.#tail.byteLength) return;
    const capacity = Math.max(FIRST_CAPACITY_BYTES, this.#tail.byteLength * 2, size);
    const grown = new Uint8Array(Math.min(capacity, PIECE_BYTES));
    grown.set(this.#tail.subarray(0, this.#tailSize));
    this.#tail = grown;
  }
}
