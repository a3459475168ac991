/** @module A few bytes as text. Runs in: the ledger object. */

const decoder = new TextDecoder();

/** A few UTF-8 bytes as text. For ASCII of that length a loop costs a fraction of a decoder. */
export function shortText(bytes: Uint8Array, size: number): string {
  let text = '';
  for (let at = 0; at < size; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte >= 0x80) return decoder.decode(bytes.subarray(0, size));
    text += String.fromCharCode(byte);
  }
  return text;
}
