/** @module Reads an event stream while its bytes come. Runs in: the ledger object. */

import { shortText } from './short-text.ts';

/** What is told of the events of a stream. */
export interface SseListener {
  /** Some of the data of the present event, a line feed between its lines. */
  data(bytes: Uint8Array, from: number, to: number): void;
  /**
   * The present event is over; its name is empty where it has none. An event without name and data is not
   * told.
   */
  event(name: string): void;
}

/** A longer name is none that anybody looks for: it is cut. */
const NAME_MAX_BYTES = 64;
/** `event` is the longest field that is read. */
const FIELD_MAX_BYTES = 5;

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const COLON = 0x3a;
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];
const LINE_FEED = Uint8Array.of(LF);

const IN_FIELD = 0;
const AFTER_COLON = 1;
const IN_VALUE = 2;

/**
 * Reads an event stream (HTML Living Standard §9.2.6) as its bytes come, however they are cut. It keeps no
 * line, only the name of the present event. Unlike a browser, and like the clients of LLMs, it counts an
 * event that the end cut off before its blank line, and one without data.
 */
export class SseScan {
  readonly #listener: SseListener;
  #state = IN_FIELD;
  /** How much of a byte order mark was at the very beginning; -1: past it. */
  #markBytes = 0;
  #afterCr = false;
  readonly #field = new Uint8Array(FIELD_MAX_BYTES);
  #fieldBytes = 0;
  #isData = false;
  #isName = false;
  readonly #name = new Uint8Array(NAME_MAX_BYTES);
  #nameBytes = 0;
  #hasName = false;
  #dataLines = 0;

  constructor(listener: SseListener) {
    this.#listener = listener;
  }

  see(bytes: Uint8Array): void {
    const { byteLength: end } = bytes;
    for (let at = 0; at < end; ) {
      const byte = bytes[at] ?? 0;
      if (this.#markBytes >= 0 && this.#isMark(byte)) {
        at += 1;
      } else if (this.#afterCr && byte === LF) {
        this.#afterCr = false;
        at += 1;
      } else if (byte === LF || byte === CR) {
        this.#afterCr = byte === CR;
        this.#endLine();
        at += 1;
      } else {
        this.#afterCr = false;
        at = this.#read(bytes, byte, at, end);
      }
    }
  }

  /** The stream is over. */
  end(): void {
    if (this.#state !== IN_FIELD || this.#fieldBytes > 0) this.#endLine();
    this.#endEvent();
  }

  #read(bytes: Uint8Array, byte: number, at: number, end: number): number {
    switch (this.#state) {
      case IN_FIELD:
        if (byte === COLON) this.#beginValue();
        else this.#readField(byte);
        return at + 1;
      case AFTER_COLON:
        this.#state = IN_VALUE;
        return byte === SPACE ? at + 1 : at;
      default: {
        const to = lineEnd(bytes, at, end);
        if (this.#isData) this.#listener.data(bytes, at, to);
        else if (this.#isName) this.#readName(bytes, at, to);
        return to;
      }
    }
  }

  #isMark(byte: number): boolean {
    if (byte === BYTE_ORDER_MARK[this.#markBytes]) {
      this.#markBytes += 1;
      if (this.#markBytes === BYTE_ORDER_MARK.length) this.#markBytes = -1;
      return true;
    }
    // The beginning of a mark that is none makes a field that nobody knows.
    if (this.#markBytes > 0) this.#fieldBytes = FIELD_MAX_BYTES + 1;
    this.#markBytes = -1;
    return false;
  }

  #readField(byte: number): void {
    if (this.#fieldBytes < FIELD_MAX_BYTES) this.#field[this.#fieldBytes] = byte;
    this.#fieldBytes += 1;
  }

  #beginValue(): void {
    this.#state = AFTER_COLON;
    const field = this.#fieldBytes > FIELD_MAX_BYTES ? '' : shortText(this.#field, this.#fieldBytes);
    this.#isData = field === 'data';
    this.#isName = field === 'event';
    if (this.#isData) {
      if (this.#dataLines > 0) this.#listener.data(LINE_FEED, 0, 1);
      this.#dataLines += 1;
    } else if (this.#isName) {
      this.#hasName = true;
      this.#nameBytes = 0;
    }
  }

  #readName(bytes: Uint8Array, from: number, to: number): void {
    const size = Math.min(to - from, NAME_MAX_BYTES - this.#nameBytes);
    this.#name.set(bytes.subarray(from, from + size), this.#nameBytes);
    this.#nameBytes += size;
  }

  #endLine(): void {
    // A line without a colon is a field without a value.
    if (this.#state === IN_FIELD && this.#fieldBytes > 0) this.#beginValue();
    if (this.#state === IN_FIELD) this.#endEvent();
    this.#state = IN_FIELD;
    this.#fieldBytes = 0;
  }

  #endEvent(): void {
    if (this.#hasName || this.#dataLines > 0) {
      this.#listener.event(shortText(this.#name, this.#nameBytes));
    }
    this.#hasName = false;
    this.#nameBytes = 0;
    this.#dataLines = 0;
  }
}

function lineEnd(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end && bytes[at] !== LF && bytes[at] !== CR) at += 1;
  return at;
}
