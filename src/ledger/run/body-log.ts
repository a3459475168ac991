/**
 * @module The bytes of a running response: in memory, and piece by piece in the store.
 * Runs in: the ledger object.
 */

import { free } from '../../body-bytes.ts';
import { PIECE_BYTES } from '../../record/format.ts';

/** Where full pieces of a body go, and come back from. */
export interface PieceStore {
  write(n: number, bytes: Uint8Array): Promise<void>;
  /** The piece, in an array of its own. Rejects where it is gone. */
  read(n: number): Promise<Uint8Array>;
  /** Takes the nth part that a body had no memory for. Parts are numbered through the whole body. */
  writePart(n: number, bytes: Uint8Array): Promise<void>;
  /** The part, in an array of its own. Rejects where it is gone. */
  readPart(n: number): Promise<Uint8Array>;
  /** Lets go of the parts below the nth. */
  dropParts(below: number): void;
}

/** Where a body takes the memory from that it could do without. */
export interface SpareRoom {
  /** `false`, and nothing is taken, where there is none. */
  grow(bytes: number): boolean;
  /** `false`, and nothing is taken, where memory is short. */
  growIfAmple(bytes: number): boolean;
  shrink(bytes: number): void;
  /** Runs what needs a whole piece in memory, one body after the other. */
  inTurn<T>(task: () => Promise<T>): Promise<T>;
}

/** Memory that knows no shortage. */
export const AMPLE: SpareRoom = {
  grow: () => true,
  growIfAmple: () => true,
  shrink: () => {},
  inTurn: (task) => task(),
};

const FIRST_CAPACITY_BYTES = 4 * 1024;
/** The buffer that a body has in any case. Where memory is short, this is what it writes down at a time. */
const OWN_CAPACITY_BYTES = 16 * 1024;
const READ_MAX_BYTES = 64 * 1024;

/** What was written down of the piece that is being filled. */
interface Part {
  readonly n: number;
  /** From where to where in the piece. */
  readonly from: number;
  readonly to: number;
}

/**
 * The bytes of a running response. The last of them, at most one piece, are in memory, or in parts in the
 * store where memory is short; what came before is in the store, piece by piece.
 */
export class BodyLog {
  readonly #store: PieceStore;
  readonly #room: SpareRoom;
  #tail = new Uint8Array(0);
  #tailSize = 0;
  #parts: Part[] = [];
  #nextPart = 0;
  #pieces = 0;
  /** What the buffer takes beyond the one that a body has in any case. */
  #spare = 0;

  constructor(store: PieceStore, room: SpareRoom = AMPLE) {
    this.#store = store;
    this.#room = room;
  }

  /** Bytes in all. */
  get size(): number {
    return this.#pieces * PIECE_BYTES + this.#inPiece;
  }

  /** How many more bytes the piece takes that is being filled. */
  get room(): number {
    return PIECE_BYTES - this.#inPiece;
  }

  /** Whether what is in no stored piece is all in memory. */
  get inMemory(): boolean {
    return this.#parts.length === 0;
  }

  /** Appends at most `room` bytes. */
  async append(chunk: Uint8Array): Promise<void> {
    for (let rest = chunk; rest.byteLength > 0; ) {
      this.#ensureCapacity(this.#tailSize + rest.byteLength);
      if (this.#tailSize === this.#tail.byteLength) await this.#writePart();
      const taken = rest.subarray(0, this.#tail.byteLength - this.#tailSize);
      this.#tail.set(taken, this.#tailSize);
      this.#tailSize += taken.byteLength;
      rest = rest.subarray(taken.byteLength);
    }
  }

  /** Ends the full piece: into the store, or away where nobody will read it again. */
  async turn(keep: boolean): Promise<void> {
    if (keep) await this.withRest((piece) => this.#store.write(this.#pieces, piece));
    this.#pieces += 1;
    this.#tailSize = 0;
    if (this.inMemory) return;
    this.#parts = [];
    this.#store.dropParts(this.#nextPart);
  }

  /** Ends the full piece into the store. `false`, and nothing has changed, where that does not take it. */
  async tryTurn(): Promise<boolean> {
    try {
      await this.turn(true);
      return true;
    } catch {
      // The store has said why.
      return false;
    }
  }

  /** How many bytes a reader takes at once who is here, and for whom there is memory. */
  reach(position: number): number {
    return position < this.#pieces * PIECE_BYTES ? PIECE_BYTES : READ_MAX_BYTES;
  }

  /**
   * A copy of some bytes from `position` on, at least one, none at or past `end`, and no more than `most`,
   * which is a part's size at least. Rejects where they are gone.
   */
  async read(position: number, end: number, most: number = PIECE_BYTES): Promise<Uint8Array> {
    const n = Math.floor(position / PIECE_BYTES);
    const from = position - n * PIECE_BYTES;
    const to = Math.min(end - n * PIECE_BYTES, PIECE_BYTES, from + most);
    if (n < this.#pieces) {
      if (most >= PIECE_BYTES) return (await this.#store.read(n)).subarray(from, to);
      const piece = await this.#room.inTurn(() => this.#store.read(n));
      const slice = piece.slice(from, to);
      free(piece);
      return slice;
    }
    const part = this.#parts.find((candidate) => from < candidate.to);
    if (part !== undefined)
      return (await this.#store.readPart(part.n)).subarray(from - part.from, to - part.from);
    const start = this.#tailStart;
    return this.#tail.slice(from - start, Math.min(to, from + READ_MAX_BYTES) - start);
  }

  /** A copy of the bytes that are in no stored piece; `null` where they are not all in memory. */
  rest(): Uint8Array | null {
    return this.inMemory ? this.#tail.slice(0, this.#tailSize) : null;
  }

  /**
   * Lends the bytes that are in no stored piece, for as long as it is used. Nothing may be appended
   * meanwhile.
   */
  withRest<T>(use: (rest: Uint8Array) => Promise<T>): Promise<T> {
    if (this.inMemory) return use(this.#tail.subarray(0, this.#tailSize));
    return this.#room.inTurn(async () => {
      const rest = new Uint8Array(this.#inPiece);
      for (const { n, from } of this.#parts) rest.set(await this.#store.readPart(n), from);
      rest.set(this.#tail.subarray(0, this.#tailSize), this.#tailStart);
      try {
        return await use(rest);
      } finally {
        free(rest);
      }
    });
  }

  /** Nobody will read on: what was taken for this body is given back. */
  release(): void {
    if (!this.inMemory) this.#store.dropParts(this.#nextPart);
    this.#room.shrink(this.#spare);
    this.#spare = 0;
  }

  get #inPiece(): number {
    return this.#tailStart + this.#tailSize;
  }

  get #tailStart(): number {
    return this.#parts.at(-1)?.to ?? 0;
  }

  /** Writes down what is in memory, and goes on with the buffer that it has in any case. */
  async #writePart(): Promise<void> {
    const part = { n: this.#nextPart, from: this.#tailStart, to: this.#inPiece };
    this.#nextPart += 1;
    await this.#store.writePart(part.n, this.#tail.subarray(0, this.#tailSize));
    // In one step, so that readers find it in the one place or in the other.
    this.#parts.push(part);
    this.#tailSize = 0;
    if (this.#spare === 0) return;
    this.#replaceTail(OWN_CAPACITY_BYTES);
    this.#room.shrink(this.#spare);
    this.#spare = 0;
  }

  /** Makes room for so many bytes, or for as many as there is memory for. */
  #ensureCapacity(size: number): void {
    const before = this.#tail.byteLength;
    if (size <= before) return;
    const wanted = Math.min(Math.max(FIRST_CAPACITY_BYTES, before * 2, size), PIECE_BYTES - this.#tailStart);
    const spare = Math.max(0, wanted - OWN_CAPACITY_BYTES);
    if (this.#room.growIfAmple(spare - this.#spare)) {
      this.#spare = spare;
      this.#replaceTail(wanted);
    } else if (before < OWN_CAPACITY_BYTES) {
      this.#replaceTail(OWN_CAPACITY_BYTES);
    }
  }

  #replaceTail(capacity: number): void {
    const tail = new Uint8Array(capacity);
    tail.set(this.#tail.subarray(0, this.#tailSize));
    free(this.#tail);
    this.#tail = tail;
  }
}
