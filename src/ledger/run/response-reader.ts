/** @module Reads an upstream's response with one buffer. Runs in: the ledger object. */

import type { SpareRoom } from './body-log.ts';

/**
 * Bytes asked of the upstream at a time: few at first, as a silent stream holds on to them, more where they
 * are filled.
 */
const READ_MIN_BYTES = 4 * 1024;
const READ_MAX_BYTES = 64 * 1024;

/** Reads an upstream's response, with one buffer for all of it. */
export class ResponseReader {
  readonly #reader: ReadableStreamBYOBReader;
  readonly #room: SpareRoom;
  #buffer: Uint8Array<ArrayBuffer>;
  /** What the buffer takes beyond the smallest one. */
  #spare = 0;
  #isFilled = false;
  #givenUp = false;

  /** `length` is what the upstream announced. */
  constructor(body: ReadableStream<Uint8Array>, length: number | null, room: SpareRoom) {
    this.#reader = body.getReader({ mode: 'byob' });
    this.#room = room;
    this.#buffer = this.#newBuffer(Math.min(length ?? 0, READ_MAX_BYTES));
  }

  /** The next bytes, which are there until the next call; `null` at the end, or where it was given up. */
  async next(): Promise<Uint8Array | null> {
    if (this.#isFilled && this.#spare === 0) this.#buffer = this.#newBuffer(READ_MAX_BYTES);
    try {
      const { done, value } = await this.#reader.readAtLeast(1, this.#buffer);
      if (done || this.#givenUp) return null;
      this.#isFilled = value.byteLength === value.buffer.byteLength;
      this.#buffer = new Uint8Array(value.buffer);
      return value;
    } catch (error) {
      if (this.#givenUp) return null;
      throw error;
    }
  }

  /** Ends the upstream's call before its end. */
  giveUp(): void {
    this.#givenUp = true;
    this.#reader.cancel().catch(() => {});
  }

  /** Nothing more is read. */
  end(): void {
    this.#room.shrink(this.#spare);
    this.#spare = 0;
  }

  /** Of the wanted size where memory is ample, of the smallest one where it is not. */
  #newBuffer(wanted: number): Uint8Array<ArrayBuffer> {
    const spare = Math.max(0, wanted - READ_MIN_BYTES);
    if (spare > 0 && this.#room.growIfAmple(spare)) this.#spare = spare;
    return new Uint8Array(READ_MIN_BYTES + this.#spare);
  }
}
