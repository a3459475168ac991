/** @module Digests. Runs in: the Worker, the ledger object. */

const encoder = new TextEncoder();

/**
 * Where the parts of a digest's input are laid end to end. One serves all, as Web Crypto takes its input when
 * it is called; to make an array for each costs more than to digest it.
 */
const scratch = new Uint8Array(64 * 1024);

/** SHA-256 of a text, or of parts laid end to end, in base64url: 43 characters. Texts count as UTF-8. */
export async function sha256(input: string | readonly (string | Uint8Array)[]): Promise<string> {
  return base64Url(await digest('SHA-256', typeof input === 'string' ? [input] : input));
}

/** SHA-512 of a text as UTF-8: 64 bytes. */
export function sha512(text: string): Promise<Uint8Array> {
  return digest('SHA-512', [text]);
}

/** In base64url without padding (RFC 4648 §5). */
export function base64Url(bytes: Uint8Array): string {
  return bytes.toBase64({ alphabet: 'base64url', omitPadding: true });
}

async function digest(
  algorithm: 'SHA-256' | 'SHA-512',
  parts: readonly (string | Uint8Array)[],
): Promise<Uint8Array> {
  const input = laidOut(parts);
  if (input !== null) return new Uint8Array(await crypto.subtle.digest(algorithm, input));
  const stream = new crypto.DigestStream(algorithm);
  const writer = stream.getWriter();
  for (const block of blocksOf(parts)) await writer.write(block);
  await writer.close();
  return new Uint8Array(await stream.digest);
}

/**
 * The parts in blocks: a large part by itself, uncopied, small ones many at a time, as each block waits for
 * the one before. A block is overwritten by the next one.
 */
function* blocksOf(parts: readonly (string | Uint8Array)[]): Generator<Uint8Array> {
  const block = new Uint8Array(scratch.byteLength);
  let filled = 0;
  for (const part of parts) {
    const bytes = typeof part === 'string' ? encoder.encode(part) : part;
    if (filled + bytes.byteLength > block.byteLength) {
      yield block.subarray(0, filled);
      filled = 0;
    }
    if (bytes.byteLength > block.byteLength) {
      yield bytes;
    } else {
      block.set(bytes, filled);
      filled += bytes.byteLength;
    }
  }
  yield block.subarray(0, filled);
}

/** The parts end to end; `null` where they are too large for that. */
function laidOut(parts: readonly (string | Uint8Array)[]): Uint8Array | null {
  let size = 0;
  for (const part of parts) {
    const room = scratch.subarray(size);
    if (typeof part === 'string') {
      const { read, written } = encoder.encodeInto(part, room);
      if (read < part.length) return null;
      size += written;
    } else {
      if (part.byteLength > room.byteLength) return null;
      room.set(part);
      size += part.byteLength;
    }
  }
  return scratch.subarray(0, size);
}
