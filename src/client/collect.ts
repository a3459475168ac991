/** @module Reads a source of bytes into memory, up to a limit. Runs in: any runtime. */

/** One step of a source of bytes, as stream readers and iterators give it. */
export interface Step {
  readonly done?: boolean | undefined;
  readonly value?: Uint8Array<ArrayBuffer> | undefined;
}

/**
 * All the bytes a source gives, in memory.
 *
 * @throws `tooLong()` once they are more than `maxBytes`; whatever the source throws
 */
export async function collect(
  next: () => Promise<Step>,
  maxBytes: number,
  tooLong: () => Error,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await next();
    if (done) return new Uint8Array(await new Blob(chunks).arrayBuffer());
    if (value === undefined) continue;
    size += value.byteLength;
    if (size > maxBytes) throw tooLong();
    chunks.push(value);
  }
}
