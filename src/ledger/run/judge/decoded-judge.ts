/** @module Takes the coding off a body that is to be judged. Runs in: the ledger object. */

import type { FailureRule } from '../../../failed-when.ts';
import { type LoggedRequest, log, requestFields, textOf } from '../../../log.ts';
import type { BodyJudge } from './body-judge.ts';

type Format = 'gzip' | 'deflate';

/** The codings that the runtime can take off a stream, and its names for them. */
const FORMATS: Readonly<Record<string, Format>> = {
  gzip: 'gzip',
  'x-gzip': 'gzip',
  deflate: 'deflate',
};

/** Coded bytes decoded at a time. They grow a thousandfold at most, so that this takes 4 MiB. */
const SLICE_BYTES = 4 * 1024;

/** Larger texts are not judged to their end: a small coded body must not buy endless work. */
const DECODED_MAX_BYTES = 64 * 1024 * 1024;

/** How to decode a body of this `Content-Encoding`; `null` where the runtime cannot. */
export function formatOf(contentEncoding: string): Format | null {
  return FORMATS[contentEncoding.trim().toLowerCase()] ?? null;
}

/**
 * Takes the coding off a body, for a judge that reads it without, a little at a time. What does not decode is
 * judged as far as it does, and then nothing is missed in it. Neither method rejects.
 */
export class DecodedJudge {
  readonly #route: string;
  readonly #about: LoggedRequest;
  readonly #judge: BodyJudge;
  readonly #writer: WritableStreamDefaultWriter<BufferSource>;
  readonly #decoding: Promise<void>;
  #bytes = 0;
  #whole = true;

  /** `about` is the request whose run it is of, for the log, as is its route. */
  constructor(route: string, about: LoggedRequest, judge: BodyJudge, format: Format) {
    this.#route = route;
    this.#about = about;
    this.#judge = judge;
    const { readable, writable } = new DecompressionStream(format);
    this.#writer = writable.getWriter();
    // Who writes is told too.
    this.#writer.closed.catch(() => {});
    const reader = readable.getReader();
    this.#decoding = this.#read(reader).catch((error) => {
      this.#giveUp(error);
      // Otherwise what is still written would wait for a reader.
      return reader.cancel().catch(() => {});
    });
  }

  async see(bytes: Uint8Array): Promise<void> {
    for (let at = 0; this.#whole && at < bytes.byteLength; at += SLICE_BYTES) {
      try {
        await this.#writer.write(bytes.slice(at, at + SLICE_BYTES));
      } catch (error) {
        this.#giveUp(error);
      }
    }
  }

  async verdict(): Promise<FailureRule | null> {
    if (this.#whole) await this.#writer.close().catch((error) => this.#giveUp(error));
    await this.#decoding;
    return this.#judge.verdict(this.#whole);
  }

  async #read(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      this.#bytes += value.byteLength;
      this.#judge.see(value);
      if (this.#bytes > DECODED_MAX_BYTES) {
        throw new Error(`the body is over ${DECODED_MAX_BYTES} bytes without its coding`);
      }
    }
  }

  #giveUp(error: unknown): void {
    if (!this.#whole) return;
    this.#whole = false;
    const fields = { route: this.#route, reason: textOf(error), ...requestFields(this.#about) };
    log('warn', 'response-not-judged', fields);
  }
}
