/** @module The short name of a caller. Runs in: the ledger object. */

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** So many characters of base64url hold the 16 bits of a name, and two bits more. */
const CHARACTERS = 3;
const SPARE_BITS = 2;

/**
 * The first 16 bits of a caller's digest, as hex: `3f9a`. Short enough to be read out, and to give nothing
 * away.
 */
export function callerName(digest: string): string {
  let bits = 0;
  for (const character of digest.slice(0, CHARACTERS)) bits = bits * 64 + ALPHABET.indexOf(character);
  return (bits >> SPARE_BITS).toString(16).padStart(4, '0');
}

/** What the digests of callers with this name begin with. */
export function digestStarts(name: string): string[] {
  const bits = Number.parseInt(name, 16) << SPARE_BITS;
  return Array.from({ length: 1 << SPARE_BITS }, (_, spare) =>
    [12, 6, 0].map((shift) => ALPHABET[((bits | spare) >> shift) & 63]).join(''),
  );
}
