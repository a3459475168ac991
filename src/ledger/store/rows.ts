import type { CallerUsage } from '../usage.ts';
import type { Marks } from './marks.ts';
import { createTables } from './schema.ts';

/** A body is kept in pieces of this size, the last of them with the execution. A row holds 2 MB. */
export const PIECE_BYTES = 512 * 1024;

/** Parts of pieces are numbered from here on, beyond every piece. */
const PARTS_FROM = 2 ** 40;

/** Why the outcome of an execution is not known. */
export type UnknownCause = 'upstream-broke-off' | 'gateway-restarted';

/** When a run got how far; `null` where it did not get there, or nobody was left to see it. */
export interface RunTimes {
  /** The intent was durable, and the request on its way. */
  readonly sentAt: number | null;
  readonly headAt: number | null;
}

/**
 * Where the body of a completed execution is: in the ledger until RESULTS has it and it is no longer hot, in the ledger
 * alone until the end of its TTL, in RESULTS, or nowhere, as it was too large. `elsewhere` says that there is no result here:
 * the upstream sent the client to another place with its request.
 */
const PLACES = ['ledger', 'ledger-alone', 'results', 'nowhere', 'elsewhere'] as const;
export type Place = (typeof PLACES)[number];

interface CommonRow {
  /** Rows are numbered in the order in which their executions began. */
  readonly seq: number;
  readonly id: string;
  /** A digest of the caller's credentials. */
  readonly caller: string;
  readonly fingerprint: string;
  /** Milliseconds since the epoch, here and below. */
  readonly receivedAt: number;
  readonly expiresAt: number;
}

/** A `running` row says that the request was about to be sent. One that a restart cut off is `unknown` from then on. */
export type Row = (CommonRow & { readonly state: 'running' | 'unknown' }) | CompletedRow;

export interface CompletedRow extends CommonRow {
  readonly state: 'completed';
  readonly place: Place;
  readonly completedAt: number;
  /** The body's size in bytes. */
  readonly size: number;
  /** RESULTS does not have it, though it has what was completed about then. */
  readonly unarchived: boolean;
}

/** What a completed row holds of a record: all but the full pieces of its body. Sealed. */
export interface StoredParts {
  readonly preamble: Uint8Array;
  /** The last piece of the body; empty where there is no body. */
  readonly rest: Uint8Array;
}

/** How a run ended that came to its end. */
export interface Completion {
  readonly caller: string;
  readonly completedAt: number;
  readonly expiresAt: number;
  readonly size: number;
  readonly status: number;
  readonly times: RunTimes;
  /** `null` for a response that is not recorded. */
  readonly record:
    | (StoredParts & { readonly place: 'ledger' | 'ledger-alone'; readonly unarchived: boolean })
    | null;
}

/** The ledger's SQLite tables, one method a statement. All of it is synchronous: a decision is never interleaved. */
export class Rows {
  readonly #sql: SqlStorage;
  readonly #usage: CallerUsage;
  #nextSeq: number;

  constructor(sql: SqlStorage, usage: CallerUsage) {
    this.#sql = sql;
    this.#usage = usage;
    createTables(sql);
    this.#nextSeq = sql
      .exec<{ next: number }>('SELECT coalesce(max(seq), 0) + 1 AS next FROM executions')
      .one().next;
  }

  /**
   * Settles what an earlier life of the object left open. What was running may have had its effect: it is unknown from now
   * on, for a whole TTL. Results that may have been on their way to RESULTS are not there for all we know. Pieces of what is
   * not recorded have lost their readers. Returns how many were running.
   */
  settleCutOff({ coolFrom, archivedBefore }: Marks): number {
    // Where the newest rows are gone, their numbers are not given again: nothing before the mark is looked at any more.
    this.#nextSeq = Math.max(this.#nextSeq, coolFrom);
    const cutOff = this.#sql
      .exec(
        `UPDATE executions
         SET state = 'unknown', cause = 'gateway-restarted', expires_at = ? + expires_at - received_at
         WHERE seq >= ? AND state = 'running' RETURNING seq`,
        Date.now(),
        coolFrom,
      )
      .toArray().length;
    this.#sql.exec(
      `UPDATE executions SET unarchived = 1
       WHERE seq >= ? AND place = 'ledger' AND completed_at >= ? AND archived_at IS NULL AND unarchived IS NULL`,
      coolFrom,
      archivedBefore,
    );
    this.#sql.exec(
      `DELETE FROM pieces WHERE NOT EXISTS (
         SELECT 1 FROM executions WHERE executions.seq = pieces.seq AND place IN ('ledger', 'ledger-alone')
       )`,
    );
    return cutOff;
  }

  get isEmpty(): boolean {
    return this.#sql.exec('SELECT seq FROM executions LIMIT 1').toArray().length === 0;
  }

  /** The number of the row that begins next. */
  get nextSeq(): number {
    return this.#nextSeq;
  }

  find(id: string): Row | null {
    const [row] = this.#sql.exec<SqlRow>(`SELECT ${COLUMNS} FROM executions WHERE id = ?`, id).toArray();
    return row === undefined ? null : toRow(row);
  }

  /** The row of this number; `null` where it is gone. */
  at(seq: number): Row | null {
    const [row] = this.#sql.exec<SqlRow>(`SELECT ${COLUMNS} FROM executions WHERE seq = ?`, seq).toArray();
    return row === undefined ? null : toRow(row);
  }

  /** The rows from `seq` on, oldest first. Few are read ahead of who takes few. */
  *from(seq: number): Generator<Row> {
    let limit = 4;
    for (let next = seq; ; limit = Math.min(limit * 4, PAGE_MAX_ROWS)) {
      const page = this.#sql
        .exec<SqlRow>(`SELECT ${COLUMNS} FROM executions WHERE seq >= ? ORDER BY seq LIMIT ?`, next, limit)
        .toArray();
      for (const row of page) yield toRow(row);
      const last = page.at(-1);
      if (last === undefined || page.length < limit) return;
      next = last.seq + 1;
    }
  }

  /** Results that RESULTS does not have and should, oldest first. Reads those only: they have an index of their own. */
  unarchived(limit: number): CompletedRow[] {
    return this.#sql
      .exec<SqlRow>(`SELECT ${COLUMNS} FROM executions WHERE unarchived = 1 ORDER BY seq LIMIT ?`, limit)
      .toArray()
      .map(toRow)
      .filter((row) => row.state === 'completed');
  }

  markUnarchived(seq: number): void {
    const sql = `UPDATE executions SET unarchived = 1, archived_at = NULL WHERE seq = ? AND place = 'ledger'`;
    this.#sql.exec(sql, seq);
  }

  /** RESULTS has it, since then. */
  markArchived(seq: number, archivedAt: number): void {
    this.#sql.exec('UPDATE executions SET unarchived = NULL, archived_at = ? WHERE seq = ?', archivedAt, seq);
  }

  /** Writes the intent to run. Returns the number of the new row. */
  begin(
    row: Pick<CommonRow, 'id' | 'caller' | 'fingerprint' | 'receivedAt' | 'expiresAt'> & { keyHash: string },
  ): number {
    const seq = this.#nextSeq;
    this.#nextSeq += 1;
    this.#sql.exec(
      `INSERT INTO executions (seq, id, caller, fingerprint, key_hash, state, received_at, expires_at)
       VALUES (?, ?, ?, ?, ?, 'running', ?, ?)`,
      seq,
      row.id,
      row.caller,
      row.fingerprint,
      row.keyHash,
      row.receivedAt,
      row.expiresAt,
    );
    return seq;
  }

  /** Records the result: its preamble, and the last piece of its body. */
  complete(seq: number, completion: Completion): void {
    const { caller, completedAt, expiresAt, size, status, times, record } = completion;
    this.#sql.exec(
      `UPDATE executions
       SET state = 'completed', place = ?, completed_at = ?, expires_at = ?, size = ?, status = ?, sent_at = ?,
         head_at = ?, unarchived = ?, preamble = ?, rest = ?
       WHERE seq = ?`,
      record?.place ?? 'nowhere',
      completedAt,
      expiresAt,
      size,
      status,
      times.sentAt,
      times.headAt,
      record?.unarchived === true ? 1 : null,
      record?.preamble ?? null,
      record?.rest ?? null,
      seq,
    );
    this.#usage.stored(caller, record === null ? 0 : size);
  }

  /** The upstream sent the client to another place with its request. */
  sendElsewhere(
    seq: number,
    redirect: {
      readonly caller: string;
      readonly completedAt: number;
      readonly expiresAt: number;
      readonly status: number;
      readonly times: RunTimes;
    },
  ): void {
    const { caller, completedAt, expiresAt, status, times } = redirect;
    this.#usage.stored(caller, 0);
    this.#sql.exec(
      `UPDATE executions
       SET state = 'completed', place = 'elsewhere', completed_at = ?, expires_at = ?, size = 0, status = ?, sent_at = ?,
         head_at = ?
       WHERE seq = ?`,
      completedAt,
      expiresAt,
      status,
      times.sentAt,
      times.headAt,
      seq,
    );
  }

  /** Lets a row live until `expiresAt`, and moves it among those that end about then. */
  renew(seq: number, expiresAt: number): void {
    const next = this.#nextSeq;
    this.#nextSeq += 1;
    this.#sql.exec('UPDATE executions SET seq = ?, expires_at = ? WHERE seq = ?', next, expiresAt, seq);
    this.#sql.exec('UPDATE repeats SET seq = ? WHERE seq = ?', next, seq);
  }

  /** The upstream broke off or fell silent. */
  markUnknown(seq: number, expiresAt: number, times: RunTimes): void {
    this.#sql.exec(
      `UPDATE executions SET state = 'unknown', cause = 'upstream-broke-off', expires_at = ?, sent_at = ?, head_at = ?
       WHERE seq = ?`,
      expiresAt,
      times.sentAt,
      times.headAt,
      seq,
    );
    this.removePieces(seq);
  }

  /** Forgets an execution that has no result. Its pieces stay for their readers; a restart removes what they leave. */
  abandon(seq: number): void {
    this.#sql.exec('DELETE FROM executions WHERE seq = ?', seq);
    this.#sql.exec('DELETE FROM repeats WHERE seq = ?', seq);
  }

  /** Gives the name of an execution free for another one, and leaves the row for its readers until it is swept. */
  rename(seq: number): void {
    this.#sql.exec(`UPDATE executions SET id = id || '/' || seq, expires_at = 0 WHERE seq = ?`, seq);
  }

  /** Forgets an execution, whatever its state. */
  remove(row: Row): void {
    if (row.state === 'completed') {
      this.#usage.removed(row.caller, isHere(row) ? row.size : 0, row.completedAt);
    }
    this.abandon(row.seq);
    this.removePieces(row.seq);
  }

  /** Drops the body of a result that RESULTS has. */
  dropBody({ seq, caller, size, completedAt }: CompletedRow): void {
    this.#usage.bodyRemoved(caller, size, completedAt);
    this.#sql.exec(
      `UPDATE executions SET place = 'results', preamble = NULL, rest = NULL WHERE seq = ?`,
      seq,
    );
    this.removePieces(seq);
  }

  /** The preamble and the last piece of a result that is still here, in one look-up. Throws where it is gone. */
  record(seq: number): StoredParts {
    const { preamble, rest } = this.#sql
      .exec<{ preamble: ArrayBuffer; rest: ArrayBuffer }>(
        'SELECT preamble, rest FROM executions WHERE seq = ?',
        seq,
      )
      .one();
    return { preamble: new Uint8Array(preamble), rest: new Uint8Array(rest) };
  }

  writePiece(seq: number, n: number, bytes: Uint8Array): void {
    this.#sql.exec('INSERT INTO pieces (seq, n, bytes) VALUES (?, ?, ?)', seq, n, bytes);
  }

  /** The nth piece of a body; `null` where it is gone. */
  piece(seq: number, n: number): Uint8Array | null {
    const [row] = this.#sql
      .exec<{ bytes: ArrayBuffer }>('SELECT bytes FROM pieces WHERE seq = ? AND n = ?', seq, n)
      .toArray();
    return row === undefined ? null : new Uint8Array(row.bytes);
  }

  /** A part of a piece that is being filled. It goes with the pieces, and no later than they do. */
  writePart(seq: number, n: number, bytes: Uint8Array): void {
    this.writePiece(seq, PARTS_FROM + n, bytes);
  }

  /** The nth part; `null` where it is gone. */
  part(seq: number, n: number): Uint8Array | null {
    return this.piece(seq, PARTS_FROM + n);
  }

  /** Removes the parts of a body below the nth. */
  removeParts(seq: number, below: number): void {
    this.#sql.exec(
      'DELETE FROM pieces WHERE seq = ? AND n >= ? AND n < ?',
      seq,
      PARTS_FROM,
      PARTS_FROM + below,
    );
  }

  /** Removes all pieces of a body, or those below the nth. */
  removePieces(seq: number, below: number = Number.MAX_SAFE_INTEGER): void {
    this.#sql.exec('DELETE FROM pieces WHERE seq = ? AND n < ?', seq, below);
  }
}

/** Rows that are read at once. */
const PAGE_MAX_ROWS = 200;

const COLUMNS =
  'seq, id, caller, fingerprint, state, place, received_at, completed_at, expires_at, size, unarchived';

type SqlRow = {
  seq: number;
  id: string;
  caller: string;
  fingerprint: string;
  state: string;
  place: string | null;
  received_at: number;
  completed_at: number | null;
  expires_at: number;
  size: number | null;
  unarchived: number | null;
};

function isHere({ place }: CompletedRow): boolean {
  return place === 'ledger' || place === 'ledger-alone';
}

function toRow(row: SqlRow): Row {
  const common = {
    seq: row.seq,
    id: row.id,
    caller: row.caller,
    fingerprint: row.fingerprint,
    receivedAt: row.received_at,
    expiresAt: row.expires_at,
  };
  if (row.state !== 'completed') return { ...common, state: row.state === 'running' ? 'running' : 'unknown' };
  return {
    ...common,
    state: 'completed',
    place: PLACES.find((place) => place === row.place) ?? 'nowhere',
    completedAt: row.completed_at ?? row.received_at,
    size: row.size ?? 0,
    unarchived: row.unarchived === 1,
  };
}
