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

/** Everything a stream holds, in one array. Rejects where the stream breaks off. */
export async function readAll(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
