/** @module The first bytes of a text while it is read. Runs in: the ledger object. */

import { shortText } from './short-text.ts';

/** The first bytes of a text or literal of JSON while it is read, without the quotes, so many at most. */
export class KeptText {
  readonly #bytes: Uint8Array;
  #size = 0;
  #max = -1;
  /** Whether there is a backslash in it. */
  hasEscapes = false;

  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity);
  }

  /** Another text begins, of which so many bytes are of interest; -1: none, and not even how many it has. */
  begin(maxBytes: number): void {
    this.#max = maxBytes;
    this.#size = 0;
    this.hasEscapes = false;
  }

  addByte(byte: number): void {
    if (this.#size < this.#max) this.#bytes[this.#size] = byte;
    this.#size += 1;
  }

  add(bytes: Uint8Array, from: number, to: number): void {
    if (this.#max < 0) return;
    const size = Math.min(to - from, this.#max - this.#size);
    if (size > 0) this.#bytes.set(bytes.subarray(from, from + size), this.#size);
    this.#size += to - from;
  }

  /** Whether it had more bytes than are of interest. */
  get tooLong(): boolean {
    return this.#size > this.#max;
  }

  /** Whether it is spelt in these bytes. */
  is(bytes: Uint8Array): boolean {
    const size = this.#size;
    if (bytes.byteLength !== size) return false;
    let at = 0;
    while (at < size && bytes[at] === this.#bytes[at]) at += 1;
    return at === size;
  }

  /** What it stands for; `undefined` where it is not JSON, and `null` where it is too long. */
  value(isString: boolean): string | number | boolean | null | undefined {
    if (this.tooLong) return null;
    const text = shortText(this.#bytes, this.#size);
    if (isString && !this.hasEscapes) return text;
    try {
      return JSON.parse(isString ? `"${text}"` : text);
    } catch {
      return undefined;
    }
  }
}
