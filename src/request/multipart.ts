const encoder = new TextEncoder();
const CR = 13;
const LF = 10;

/**
 * What stands between the boundaries of a multipart body (RFC 2046 §5.1.1), each part with its headers, the preamble
 * and the epilogue included. `null` where the body does not hold the boundary.
 *
 * Only the places of the delimiters matter here; whether a part is well-formed is the upstream's business.
 */
export function partsOf(body: Uint8Array, boundary: string): Uint8Array[] | null {
  if (boundary === '') return null;
  const delimiter = encoder.encode(`--${boundary}`);
  const parts: Uint8Array[] = [];
  let start = 0;
  for (let at = find(body, delimiter, 0); at >= 0; at = find(body, delimiter, at + delimiter.length)) {
    if (at > 0 && !(body[at - 2] === CR && body[at - 1] === LF)) continue;
    parts.push(body.subarray(start, at));
    start = at + delimiter.length;
  }
  if (parts.length === 0) return null;
  parts.push(body.subarray(start));
  return parts;
}

/** The first place at or after `from` where `needle` stands in `bytes`, or −1. */
function find(bytes: Uint8Array, needle: Uint8Array, from: number): number {
  const first = needle[0] ?? 0;
  const last = bytes.length - needle.length;
  for (let at = bytes.indexOf(first, from); at >= 0 && at <= last; at = bytes.indexOf(first, at + 1)) {
    let length = 1;
    while (length < needle.length && bytes[at + length] === needle[length]) length += 1;
    if (length === needle.length) return at;
  }
  return -1;
}
