/** @module A response body while it comes, and its readers. Runs in: the ledger object. */

import { settlesWithin } from '../../deadline.ts';
import { PIECE_BYTES } from '../../record/format.ts';
import { watchReader } from '../../record/stalled-reader.ts';
import { AMPLE, BodyLog, type PieceStore, type SpareRoom } from './body-log.ts';
import { ReaderMemory } from './reader-memory.ts';

/**
 * `whole`: every byte came, and what had to be recorded is written, and durable where somebody reads a
 * stream. `broken`: the rest will never come.
 */
export type BodyEnd = 'whole' | 'broken';

/** Where full pieces go, while some reader may still want them. */
export interface HeldPieceStore extends PieceStore {
  /** Whether there is room for a piece more. */
  hasRoom(): boolean;
  /** Lets go of the pieces below the nth. */
  drop(below: number): void;
  /** Somebody reads the pieces, and they stay until the returned function is called. */
  hold(): () => void;
}

/** A caller's place in the body. It ends with its stream, or with `leave` where no stream was asked for. */
export interface BodyReader {
  /** The body from its first byte. The stream errors where the body is broken. */
  stream(): ReadableStream<Uint8Array>;
  leave(): void;
}

/** How far a reader may be behind the fastest one of a body that is not recorded. */
const MAX_LAG_BYTES = 32 * 1024 * 1024;

/** How long such a body waits for readers none of whom moves. */
const STALLED_MS = 60_000;

interface Place {
  position: number;
  readonly memory: ReaderMemory;
  readonly release: () => void;
  /** Ends its stream, where it has one. */
  cutOff: ((error: Error) => void) | null;
  endWatch: () => void;
}

/**
 * Each reader begins with the first byte and has its own pace. While the body is to be recorded it is kept
 * whole and has a bound, so it waits for no reader. One that is not recorded has no bound: only what some
 * reader has yet to read is kept, and it comes no faster than the fastest reader takes it. A reader that
 * falls too far behind is cut off, and so are readers of whom none moves for long.
 */
export class LiveBody {
  readonly #store: HeldPieceStore;
  readonly #bytes: BodyLog;
  readonly #room: SpareRoom;
  readonly #readersChanged: (readers: number) => void;
  readonly #readers = new Set<Place>();
  readonly #ended = Promise.withResolvers<void>();
  readonly #deserted = Promise.withResolvers<void>();
  readonly #unwanted = Promise.withResolvers<void>();
  /** Replaced each time there is something new for a reader. */
  #more = Promise.withResolvers<void>();
  /** Replaced each time a reader moves on or leaves. */
  #moved = Promise.withResolvers<void>();
  #kept = true;
  /** Whether a piece has been ended. */
  #turned = false;
  #streamed = false;
  #length: number | null = null;
  #end: BodyEnd | null = null;
  #isUnwanted = false;

  /** `readersChanged` is called with the number of callers that are attached, whenever it changes. */
  constructor(
    store: HeldPieceStore,
    room: SpareRoom = AMPLE,
    readersChanged: (readers: number) => void = () => {},
  ) {
    this.#store = store;
    this.#readersChanged = readersChanged;
    this.#room = room;
    this.#bytes = new BodyLog(store, room);
  }

  get size(): number {
    return this.#bytes.size;
  }

  /** Whether a caller that comes now can still read from the first byte. */
  get readable(): boolean {
    return this.#kept || (!this.#turned && !this.#isUnwanted);
  }

  /** Whether all of it is kept, for the record. */
  get isKept(): boolean {
    return this.#kept;
  }

  /** Whether it has ended before its end. */
  get isBroken(): boolean {
    return this.#end === 'broken';
  }

  /** Whether every caller gets it whole in an answer, which the runtime holds back until all is durable. */
  get endsInOneAnswer(): boolean {
    return !this.#streamed && this.size <= PIECE_BYTES && this.#bytes.inMemory;
  }

  /** Resolves when it has ended, in whichever way. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Resolves when the body has ended and nobody reads it any more. */
  get deserted(): Promise<void> {
    return this.#deserted.promise;
  }

  /** Resolves when it is not for the record and the last reader has left: nobody will want the rest. */
  get unwanted(): Promise<void> {
    return this.#unwanted.promise;
  }

  /** A client that knows the length takes the last byte for the end, so it is held back until the end. */
  expect(length: number): void {
    this.#length = length;
  }

  /** From here on the body is not for the record. */
  forgo(): void {
    this.#kept = false;
    this.#leaveOff();
  }

  async append(chunk: Uint8Array): Promise<void> {
    for (let rest = chunk; rest.byteLength > 0; ) {
      if (this.#bytes.room === 0) await this.#turn();
      const part = rest.subarray(0, this.#bytes.room);
      await this.#bytes.append(part);
      rest = rest.subarray(part.byteLength);
      this.#announce();
    }
  }

  end(end: BodyEnd): void {
    this.#end = end;
    this.#leaveOff();
    this.#ended.resolve();
    this.#announce();
    for (const reader of this.#readers) this.#watch(reader);
  }

  /** The whole body, if it has ended well and all of it is in memory. */
  whole(): Uint8Array | null {
    return this.#end === 'whole' && this.size <= PIECE_BYTES ? this.#bytes.rest() : null;
  }

  /** Lends what of the body is in no stored piece, for as long as it is used. */
  withRest<T>(use: (rest: Uint8Array) => Promise<T>): Promise<T> {
    return this.#bytes.withRest(use);
  }

  /** Attaches a caller that has not begun the run, as below. `null` where there is no memory for it. */
  join(): BodyReader | null {
    const memory = ReaderMemory.ofJoined(this.#room);
    return memory === null ? null : this.attach(memory);
  }

  /** Attaches a caller. From now on nothing that it has yet to read is let go. */
  attach(memory: ReaderMemory = ReaderMemory.ofFirst(this.#room)): BodyReader {
    const release = this.#store.hold();
    const reader: Place = { position: 0, memory, release, cutOff: null, endWatch: () => {} };
    this.#readers.add(reader);
    this.#readersChanged(this.#readers.size);
    return { stream: () => this.#streamTo(reader), leave: () => this.#leave(reader) };
  }

  #streamTo(reader: Place): ReadableStream<Uint8Array> {
    this.#streamed = true;
    return new ReadableStream(
      {
        type: 'bytes',
        start: (controller) => {
          reader.cutOff = (error) => controller.error(error);
          if (this.#end !== null) this.#watch(reader);
        },
        pull: async (controller) => {
          try {
            const chunk = await this.#next(reader);
            if (chunk !== null) return controller.enqueue(chunk);
            controller.close();
            controller.byobRequest?.respond(0);
          } catch (error) {
            this.#leave(reader);
            controller.error(error);
          }
        },
        cancel: () => this.#leave(reader),
      },
      { highWaterMark: 0 },
    );
  }

  /** A body that has ended is kept for its readers alone, so from then on none of them may take for ever. */
  #watch(reader: Place): void {
    const { cutOff } = reader;
    if (cutOff === null) return;
    reader.endWatch = watchReader(
      () => reader.position,
      (error) => {
        this.#leave(reader);
        cutOff(error);
      },
    );
  }

  /** The reader's next bytes; `null` at the end. Throws where there will be no more before the end. */
  async #next(reader: Place): Promise<Uint8Array | null> {
    for (;;) {
      if (!this.#readers.has(reader)) throw new Error('this reader fell too far behind and was cut off');
      const visible = this.#visible();
      if (reader.position < visible) {
        const most = reader.memory.most(visible - reader.position, this.#bytes.reach(reader.position));
        const chunk = await this.#bytes.read(reader.position, visible, most);
        reader.position += chunk.byteLength;
        this.#signalMove();
        return chunk;
      }
      if (this.#end === 'broken') throw new Error('the upstream broke off before the end of the response');
      if (this.#end === 'whole') {
        this.#leave(reader);
        return null;
      }
      await this.#more.promise;
    }
  }

  #visible(): number {
    if (this.#end !== null || this.#length === null || this.size < this.#length) return this.size;
    return Math.max(0, this.#length - 1);
  }

  /** Makes room for the next piece. */
  async #turn(): Promise<void> {
    this.#turned = true;
    const wasKept = this.#kept;
    // A store that takes no piece has no room, whatever it says.
    const hasRoom = this.#store.hasRoom() && (!wasKept || (await this.#bytes.tryTurn()));
    if (wasKept && hasRoom) return;
    if (wasKept) this.forgo();
    while (this.#readers.size > 0 && this.#fastest() < this.size) {
      if (await settlesWithin(this.#moved.promise, STALLED_MS)) continue;
      for (const reader of this.#readers) this.#leave(reader);
    }
    for (const reader of this.#readers) {
      if (this.size - reader.position > (hasRoom ? MAX_LAG_BYTES : 0)) this.#leave(reader);
    }
    const slowest = Math.min(this.size, ...[...this.#readers].map((reader) => reader.position));
    await this.#bytes.turn(slowest < this.size);
    this.#store.drop(Math.floor(slowest / PIECE_BYTES));
  }

  #fastest(): number {
    return Math.max(...[...this.#readers].map((reader) => reader.position));
  }

  #leave(reader: Place): void {
    if (!this.#readers.delete(reader)) return;
    reader.endWatch();
    reader.release();
    reader.memory.release();
    this.#readersChanged(this.#readers.size);
    this.#leaveOff();
    this.#signalMove();
  }

  /** With the last reader goes what is in memory of an ended body, and all of one that is not recorded. */
  #leaveOff(): void {
    if (this.#readers.size > 0) return;
    if (this.#end !== null) {
      this.#bytes.release();
      this.#deserted.resolve();
      if (!this.#kept) this.#store.drop(Number.MAX_SAFE_INTEGER);
    } else if (!this.#kept) {
      this.#isUnwanted = true;
      this.#unwanted.resolve();
    }
  }

  #announce(): void {
    this.#more.resolve();
    this.#more = Promise.withResolvers();
  }

  #signalMove(): void {
    this.#moved.resolve();
    this.#moved = Promise.withResolvers();
  }
}
