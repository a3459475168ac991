import { joined } from '../bytes.ts';

const encoder = new TextEncoder();

/** Past this size the parts are streamed into the digest instead of being joined first. */
const JOIN_MAX_BYTES = 64 * 1024;

/** SHA-256 of the parts laid end to end, in base64url: 43 characters. Strings count as UTF-8. */
export async function sha256(...parts: readonly (string | Uint8Array)[]): Promise<string> {
  const pieces = parts.map((part) => (typeof part === 'string' ? encoder.encode(part) : part));
  const size = pieces.reduce((sum, piece) => sum + piece.byteLength, 0);
  const digest = size <= JOIN_MAX_BYTES ? await digestJoined(pieces, size) : await digestStreamed(pieces);
  return base64Url(new Uint8Array(digest));
}

/** In base64url without padding (RFC 4648 §5). */
export function base64Url(bytes: Uint8Array): string {
  return bytes.toBase64({ alphabet: 'base64url', omitPadding: true });
}

function digestJoined(pieces: readonly Uint8Array[], size: number): Promise<ArrayBuffer> {
  const [only] = pieces;
  if (only !== undefined && pieces.length === 1) return crypto.subtle.digest('SHA-256', only);
  return crypto.subtle.digest('SHA-256', joined(pieces, size));
}

async function digestStreamed(pieces: readonly Uint8Array[]): Promise<ArrayBuffer> {
  const stream = new crypto.DigestStream('SHA-256');
  const writer = stream.getWriter();
  for (const piece of pieces) await writer.write(piece);
  await writer.close();
  return stream.digest;
}
