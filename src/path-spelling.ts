/** @module One spelling of a path. Runs in: the Worker. */

/** RFC 3986 §2.3: to write one of these percent-encoded makes no other path. */
const UNRESERVED = /[A-Za-z0-9._~-]/;

/** A path as it is in a target: what a route is set to has to be written the same way. */
export function inOneSpelling(path: string): string {
  return path
    .replace(/[^\x21-\x7e]+/g, encodeURIComponent)
    .replace(/%([0-9a-f]{2})?/gi, (code, hex: string | undefined) => {
      // A bare percent sign could make another code of what follows it.
      if (hex === undefined) return '%25';
      const character = String.fromCharCode(Number.parseInt(hex, 16));
      return UNRESERVED.test(character) ? character : code;
    });
}
