/**
 * @module A body in memory, once: read in segments, handed on piece by piece.
 * Runs in: the Worker, the ledger object.
 */

import { settlesWithin } from './deadline.ts';

/** A body is held in segments of this size, all but the last of them full. */
export const SEGMENT_BYTES = 256 * 1024;

/** The most that is allocated before anything is here. From there on a buffer grows with what arrives. */
const FIRST_BYTES = 16 * 1024;

/** Where a body takes its memory from. */
export interface Room {
  /** Takes so many bytes; `false`, and nothing is taken, where there is no room for them. */
  grow(bytes: number): boolean;
  /** Gives so many bytes back. */
  shrink(bytes: number): void;
}

/** How a body is read. */
export interface ReadOptions {
  readonly maxBytes: number;
  /** How long the body says it is, `null` where it does not. Nothing is allocated because of it. */
  readonly declaredBytes: number | null;
  readonly room: Room;
  /** A body that brings nothing for so long is given up. */
  readonly silenceMs: number;
}

/** Why there is no whole body. */
export type ReadFailure = 'too-large' | 'no-room' | 'silent' | 'broken-off';

/**
 * A body in memory, once: in segments, so that it grows without being copied, and is let go piece by piece as
 * it is handed on. Its memory is given back then and there, whoever still refers to it.
 */
export class BodyBytes {
  readonly length: number;
  readonly #segments: Uint8Array[];
  readonly #room: Room | null;

  private constructor(segments: Uint8Array[], room: Room | null) {
    this.length = segments.reduce((sum, segment) => sum + segment.byteLength, 0);
    this.#segments = segments;
    this.#room = room;
  }

  /** Bytes that are here already, become the body's own, and have taken their room. */
  static of(bytes: Uint8Array, room: Room | null = null): BodyBytes {
    const segments: Uint8Array[] = [];
    if (bytes.byteLength > 0 && bytes.byteLength <= SEGMENT_BYTES) return new BodyBytes([bytes], room);
    // Each in a buffer of its own, so that each can be let go.
    for (let at = 0; at < bytes.byteLength; at += SEGMENT_BYTES) {
      segments.push(bytes.slice(at, at + SEGMENT_BYTES));
    }
    return new BodyBytes(segments, room);
  }

  /**
   * Reads a body whole. Where that fails, it takes no room any more, and the reader is the caller's to end.
   * Never rejects.
   */
  static async read(
    reader: ReadableStreamBYOBReader,
    options: ReadOptions,
  ): Promise<BodyBytes | ReadFailure> {
    const growing = new GrowingSegments(options.room);
    const failure = await fill(growing, reader, options).catch(() => 'broken-off' as const);
    const body = new BodyBytes(growing.end(), options.room);
    if (failure === null) return body;
    body.release();
    return failure;
  }

  /** The segments, in order. */
  get segments(): readonly Uint8Array[] {
    return this.#segments;
  }

  at(index: number): number | undefined {
    return this.#segments[Math.floor(index / SEGMENT_BYTES)]?.[index % SEGMENT_BYTES];
  }

  /** The first place at or after `from` where this byte stands, or −1. */
  indexOf(byte: number, from: number): number {
    let within = from % SEGMENT_BYTES;
    for (let n = Math.floor(from / SEGMENT_BYTES); n < this.#segments.length; n += 1) {
      const found = this.#segments[n]?.indexOf(byte, within) ?? -1;
      if (found >= 0) return n * SEGMENT_BYTES + found;
      within = 0;
    }
    return -1;
  }

  /** The bytes from `start` to `end`, as they lie in the segments. */
  *between(start: number, end: number): Generator<Uint8Array> {
    for (let n = Math.floor(start / SEGMENT_BYTES); n * SEGMENT_BYTES < end; n += 1) {
      const offset = n * SEGMENT_BYTES;
      const segment = this.#segments[n];
      if (segment !== undefined) yield segment.subarray(Math.max(0, start - offset), end - offset);
    }
  }

  /** All of it in one array: its own where it has one segment, a copy where it has more. */
  whole(): Uint8Array {
    const [first = new Uint8Array(0), ...others] = this.#segments;
    if (others.length === 0) return first;
    const whole = new Uint8Array(this.length);
    for (const [n, segment] of this.#segments.entries()) whole.set(segment, n * SEGMENT_BYTES);
    return whole;
  }

  /**
   * All of it as a stream that tells its length. What has been taken from it is let go, and so is the rest at
   * its end. `keep` gets what resolves then, to keep the runtime from ending it before.
   */
  stream(keep: (done: Promise<void>) => void = () => {}): ReadableStream<Uint8Array> {
    const { readable, writable } = new FixedLengthStream(this.length);
    keep(this.#writeTo(writable.getWriter()));
    return readable;
  }

  /** Lets go of what is left of it. */
  release(): void {
    while (this.#releaseFirst());
  }

  /** Whoever reads it may cancel it, and reports a stream that breaks off. */
  async #writeTo(writer: WritableStreamDefaultWriter<Uint8Array>): Promise<void> {
    try {
      for (let first = this.#segments[0]; first !== undefined; first = this.#segments[0]) {
        await writer.write(first);
        this.#releaseFirst();
      }
      await writer.close();
    } catch {
      this.release();
    }
  }

  #releaseFirst(): boolean {
    const first = this.#segments.shift();
    if (first === undefined) return false;
    this.#room?.shrink(first.byteLength);
    free(first);
    return true;
  }
}

/** Resolves with `null` when all of it is here. Rejects where the stream does. */
async function fill(
  growing: GrowingSegments,
  reader: ReadableStreamBYOBReader,
  { maxBytes, declaredBytes, room, silenceMs }: ReadOptions,
): Promise<ReadFailure | null> {
  // A body that does not tell its length is too large with the first byte that it must not have.
  const end = declaredBytes ?? maxBytes + 1;
  while (growing.size < end) {
    const space = growing.space(end);
    if (space === null) return 'no-room';
    const read = reader.read(space);
    if (!(await settlesWithin(read, silenceMs))) return 'silent';
    const { done, value } = await read;
    if (value === undefined) return 'broken-off';
    growing.took(value);
    // It may come so slowly that it does not grow for long. Whoever holds its memory is to know that it
    // comes.
    room.grow(0);
    if (done) break;
  }
  if (growing.size > maxBytes) return 'too-large';
  return declaredBytes === null || growing.size === declaredBytes ? null : 'broken-off';
}

/** Segments while they are filled. */
class GrowingSegments {
  readonly #room: Room;
  readonly #full: Uint8Array[] = [];
  #last: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #lastCapacity = 0;
  #filled = 0;

  constructor(room: Room) {
    this.#room = room;
  }

  get size(): number {
    return this.#full.length * SEGMENT_BYTES + this.#filled;
  }

  /** Where to read to, of a body that has no more bytes than `end`; `null` where there is no room. */
  space(end: number): Uint8Array<ArrayBuffer> | null {
    if (this.#filled === SEGMENT_BYTES) {
      this.#full.push(this.#last);
      this.#last = new Uint8Array(0);
      this.#lastCapacity = 0;
      this.#filled = 0;
    }
    if (this.#filled === this.#lastCapacity) {
      const most = Math.min(SEGMENT_BYTES, end - this.#full.length * SEGMENT_BYTES);
      const wanted = this.#full.length > 0 ? SEGMENT_BYTES : Math.max(FIRST_BYTES, 2 * this.#filled);
      const capacity = Math.min(wanted, most);
      if (!this.#room.grow(capacity - this.#lastCapacity)) return null;
      this.#moveTo(new Uint8Array(capacity));
    }
    return new Uint8Array(this.#last.buffer, this.#filled);
  }

  /** A read takes the buffer with it, and brings it back with what it has read. */
  took({ buffer, byteLength }: Uint8Array): void {
    if (!(buffer instanceof ArrayBuffer)) throw new Error('a read brings its own buffer back');
    this.#last = new Uint8Array(buffer);
    this.#filled += byteLength;
  }

  /** All segments, none larger than what it holds. */
  end(): Uint8Array[] {
    // A read that is still under way has taken the buffer with it, and what is in it.
    if (this.#last.buffer.detached) {
      this.#last = new Uint8Array(0);
      this.#filled = 0;
    }
    if (this.#filled < this.#lastCapacity) {
      this.#room.shrink(this.#lastCapacity - this.#filled);
      this.#moveTo(new Uint8Array(this.#filled));
    }
    return this.#filled === 0 ? this.#full : [...this.#full, this.#last];
  }

  #moveTo(buffer: Uint8Array<ArrayBuffer>): void {
    buffer.set(this.#last.subarray(0, this.#filled));
    free(this.#last);
    this.#last = buffer;
    this.#lastCapacity = buffer.byteLength;
  }
}

/** Gives the memory of bytes back now, not when they are collected. Whoever refers to them finds none. */
export function free(bytes: Uint8Array): void {
  if (bytes.buffer instanceof ArrayBuffer && !bytes.buffer.detached) bytes.buffer.transfer(0);
}
