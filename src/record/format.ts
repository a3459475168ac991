/**
 * @module The sizes that the format of records fixes. To change one is to make a new version of it.
 * Runs in: the Worker, the ledger object.
 */

/** The first byte of a record. */
export const VERSION = 1;

/**
 * A body is cut into pieces of this size, the last of them shorter. No head holds it: a record of several
 * pieces that was cut otherwise does not open. A row of the ledger holds 2 MB.
 */
export const PIECE_BYTES = 512 * 1024;

/** KV takes 25 MiB a value. */
export const KV_VALUE_MAX_BYTES = 26_214_400;
/** The part of it that a record's head may take. The body has the rest. */
export const RECORD_HEAD_MAX_BYTES = 65_536;

/** How many pieces a body of this size has. All but the last are full. */
export function piecesOf(size: number): number {
  return Math.ceil(size / PIECE_BYTES);
}
