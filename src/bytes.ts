/** @module Byte arrays laid end to end. Runs in: the Worker, the ledger object. */

/** The pieces laid end to end in one array that owns its buffer. `size` is their bytes in all. */
export function joined(pieces: Iterable<Uint8Array>, size: number): Uint8Array {
  const whole = new Uint8Array(size);
  let offset = 0;
  for (const piece of pieces) {
    whole.set(piece, offset);
    offset += piece.byteLength;
  }
  return whole;
}
