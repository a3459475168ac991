/** The bodies that the origin of the tests sends. */
import { brotliCompressSync, constants, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';

const CODERS: Record<string, (text: string) => Buffer> = {
  gzip: (text) => gzipSync(text),
  GZIP: (text) => gzipSync(text),
  // Not as small as can be: that takes seconds.
  br: (text) => brotliCompressSync(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } }),
  deflate: (text) => deflateSync(text),
  zstd: (text) => zstdCompressSync(text),
};

/** `whole` as it has to be, and whatever else an upstream may send under the name of a coding. */
export function codedBody(coding: string, form: string): Buffer {
  const whole = CODERS[coding]?.('what was compressed, '.repeat(50)) ?? Buffer.alloc(0);
  switch (form) {
    case 'empty':
      return Buffer.alloc(0);
    case 'zeros':
      return Buffer.concat([whole, Buffer.alloc(64)]);
    case 'not-coded':
      return Buffer.from('not coded at all');
    case 'cut':
      return whole.subarray(0, -5);
    case 'large':
      return CODERS[coding]?.(pattern(2_000_000).toString('hex')) ?? whole;
    default:
      return whole;
  }
}

/** Bytes that are not the same anywhere for long, so that a piece out of place shows. */
export function pattern(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at + 4 <= size; at += 4) bytes.writeUInt32LE((at * 2_654_435_761) >>> 0, at);
  return bytes;
}
