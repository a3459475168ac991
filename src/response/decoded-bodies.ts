/** @module What decoded bodies take of the memory until they are sent. Runs in: the Worker. */

import { ByteBudget, type Hold } from '../budget.ts';
import { joined } from '../bytes.ts';
import { type IsolateMemory, isolateMemory, type MemoryUser } from '../isolate-memory.ts';
import { type LoggedRequest, log, requestFields, textOf } from '../log.ts';
import type { MemoryTally } from '../memory-tally.ts';
import { STALLED_READER_MS, watchReader } from '../record/stalled-reader.ts';

const MIB = 1024 * 1024;

/** What all that are here at the same time may take. */
const DECODED_BYTES = 16 * MIB;

/**
 * One that is no larger is handed on in one piece, and is not counted: nor is a recorded one of its size.
 */
const SMALL_BYTES = 64 * 1024;

/** A stalled reader is cut off by then. What is held still is of a request whose end nobody has been told. */
const LAPSE_MS = 2 * STALLED_READER_MS;

/** The bodies of an isolate that were decoded whole and are not sent yet. */
export class DecodedBodies implements MemoryUser {
  readonly #budget: ByteBudget;

  constructor(isolate: IsolateMemory = isolateMemory) {
    this.#budget = new ByteBudget(DECODED_BYTES, isolate, LAPSE_MS);
    isolate.join(Symbol('decoded bodies'), this);
  }

  get tally(): MemoryTally {
    return this.#budget.tally;
  }

  /** Nobody is refused for what is held here: where there is no room, a body is decoded while it is sent. */
  heldBy(): number {
    return 0;
  }

  /** Begins a body, which takes nothing until it grows. */
  begin(): DecodedBody {
    return new DecodedBody(this.#budget.hold());
  }
}

/** A body that is being decoded. Either `finish` or `drop` has to be called in the end. */
export class DecodedBody {
  readonly #hold: Hold;
  readonly #chunks: Uint8Array[] = [];
  #size = 0;

  constructor(hold: Hold) {
    this.#hold = hold;
  }

  get size(): number {
    return this.#size;
  }

  /** Returns whether there is room for it. */
  add(chunk: Uint8Array): boolean {
    const size = this.#size + chunk.byteLength;
    if (size > SMALL_BYTES && !this.#hold.grow(size - this.#hold.bytes)) return false;
    this.#size = size;
    this.#chunks.push(chunk);
    return true;
  }

  drop(): void {
    this.#chunks.length = 0;
    this.#hold.release();
  }

  /** The whole of it. What is large is given back while it is read. `of` is for the log. */
  finish(of: LoggedRequest): Uint8Array | ReadableStream<Uint8Array> {
    if (this.#hold.bytes === 0) return joined(this.#chunks, this.#size);
    const { readable, writable } = new FixedLengthStream(this.#size);
    void this.#handOn(writable.getWriter(), of);
    return readable;
  }

  async #handOn(writer: WritableStreamDefaultWriter<Uint8Array>, of: LoggedRequest): Promise<void> {
    const unwatch = watchReader(
      () => this.#chunks.length,
      (error) => void writer.abort(error).catch(() => {}),
    );
    try {
      for (let chunk = this.#chunks.shift(); chunk !== undefined; chunk = this.#chunks.shift()) {
        await writer.write(chunk);
        this.#hold.shrink(chunk.byteLength);
      }
      await writer.close();
    } catch (error) {
      // The client has left, or was cut off.
      log('info', 'response-broke-off', { reason: textOf(error), ...requestFields(of) });
    } finally {
      unwatch();
      this.drop();
    }
  }
}
