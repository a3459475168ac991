/** @module The parts of a multipart body. Runs in: the Worker, the ledger object. */

import type { BodyBytes } from '../body-bytes.ts';

const encoder = new TextEncoder();

/** RFC 2046 §5.1.1. A longer boundary is none. */
const BOUNDARY_MAX_CHARACTERS = 70;
const BOUNDARY = /^[0-9A-Za-z'()+_,./:=? -]*[0-9A-Za-z'()+_,./:=?-]$/;

/** A form has fewer. Where each part begins is held in memory. */
const PARTS_MAX = 10_000;

const CR = 13;
const LF = 10;
const DASH = 45;

/** Where in a body a part begins, and where it ends. */
export type Part = readonly [start: number, end: number];

/**
 * The parts of a multipart body (RFC 2046 §5.1.1), each with its header fields; what lies between them is the
 * delimiters and nothing else. `null` where the body is not strictly well-formed: where it begins or ends
 * with anything but a delimiter, where a delimiter has anything on its line, or where the boundary stands in
 * a place that one parser takes for a delimiter and another does not. Linear in the body, whatever the
 * boundary.
 */
export function partsOf(body: BodyBytes, boundary: string): Part[] | null {
  if (boundary.length > BOUNDARY_MAX_CHARACTERS || !BOUNDARY.test(boundary)) return null;
  const delimiter = encoder.encode(`--${boundary}`);
  const isLine = (at: number) => body.at(at) === CR && body.at(at + 1) === LF;
  const parts: Part[] = [];
  /** Where the part begins whose end is looked for. */
  let start: number | null = null;
  for (const at of occurrences(body, delimiter)) {
    const after = at + delimiter.length;
    if (start === null ? at !== 0 : at < start + 2 || !isLine(at - 2)) return null;
    if (start !== null) parts.push([start, at - 2]);
    if (parts.length > PARTS_MAX) return null;
    if (isLine(after)) {
      start = after + 2;
      continue;
    }
    // The last delimiter, with which a body ends.
    const closes = body.at(after) === DASH && body.at(after + 1) === DASH && start !== null;
    const end = after + 2;
    return closes && (end === body.length || (isLine(end) && end + 2 === body.length)) ? parts : null;
  }
  return null;
}

/**
 * Every place where `needle` stands in `bytes`, one after the other, by Knuth, Morris and Pratt: no byte is
 * read twice.
 */
function* occurrences(bytes: BodyBytes, needle: Uint8Array): Generator<number> {
  const fallbacks = fallbacksOf(needle);
  const first = needle[0] ?? 0;
  let matched = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    if (matched === 0 && bytes.at(at) !== first) {
      at = bytes.indexOf(first, at);
      if (at < 0) return;
    }
    const byte = bytes.at(at);
    while (matched > 0 && byte !== needle[matched]) matched = fallbacks[matched - 1] ?? 0;
    if (byte === needle[matched]) matched += 1;
    if (matched === needle.length) {
      yield at + 1 - needle.length;
      matched = 0;
    }
  }
}

/** For each beginning of `needle`, the length of the longest shorter one that it ends with. */
function fallbacksOf(needle: Uint8Array): number[] {
  const fallbacks = [0];
  let matched = 0;
  for (let at = 1; at < needle.length; at += 1) {
    while (matched > 0 && needle[at] !== needle[matched]) matched = fallbacks[matched - 1] ?? 0;
    if (needle[at] === needle[matched]) matched += 1;
    fallbacks.push(matched);
  }
  return fallbacks;
}
