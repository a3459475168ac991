/** @module The table of pieces of bodies. Runs in: the ledger object. */

/** Parts of pieces are numbered from here on, beyond every piece. */
const PARTS_FROM = 2 ** 40;

/**
 * The table of the full pieces of bodies, and of the parts of pieces that there was no memory for. All of it
 * is sealed.
 */
export class Pieces {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  write(seq: number, n: number, bytes: Uint8Array): void {
    this.#sql.exec('INSERT INTO pieces (seq, n, bytes) VALUES (?, ?, ?)', seq, n, bytes);
  }

  /** The nth piece of a body; `null` where it is gone. */
  read(seq: number, n: number): Uint8Array | null {
    const [row] = this.#sql
      .exec<{ bytes: ArrayBuffer }>('SELECT bytes FROM pieces WHERE seq = ? AND n = ?', seq, n)
      .toArray();
    return row === undefined ? null : new Uint8Array(row.bytes);
  }

  /** Removes all pieces and parts of a body, or the pieces below the nth. */
  remove(seq: number, below: number = Number.MAX_SAFE_INTEGER): void {
    this.#sql.exec('DELETE FROM pieces WHERE seq = ? AND n < ?', seq, below);
  }

  /** A part of a piece that is being filled. It goes with the pieces, and no later than they do. */
  writePart(seq: number, n: number, bytes: Uint8Array): void {
    this.write(seq, PARTS_FROM + n, bytes);
  }

  /** The nth part; `null` where it is gone. */
  readPart(seq: number, n: number): Uint8Array | null {
    return this.read(seq, PARTS_FROM + n);
  }

  /** Removes the parts of a body below the nth. */
  removeParts(seq: number, below: number): void {
    const sql = 'DELETE FROM pieces WHERE seq = ? AND n >= ? AND n < ?';
    this.#sql.exec(sql, seq, PARTS_FROM, PARTS_FROM + below);
  }

  /** Removes what runs have left that an earlier life of the object did not end: their readers are gone. */
  removeAbandoned(): void {
    this.#sql.exec(
      `DELETE FROM pieces WHERE NOT EXISTS (
         SELECT 1 FROM executions WHERE executions.seq = pieces.seq AND place IN ('ledger', 'ledger-alone')
       )`,
    );
  }
}
