/** @module The table of executions. Runs in: the ledger object. */

import type { RunTimes, UnknownCause } from '../../protocol.ts';
import type { RequestLabels } from '../../request/labels.ts';
import type { Marks } from './marks.ts';
import {
  type Begun,
  COLUMNS,
  COLUMNS_AND_RECORD,
  type CompletedRow,
  type Completion,
  isCompleted,
  type Row,
  type SqlRow,
  type StoredParts,
  toRow,
} from './row.ts';

/**
 * The table of executions, one method a change. All of it is synchronous: a decision is never interleaved.
 */
export class Rows {
  readonly #sql: SqlStorage;
  #nextSeq: number;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    const max = sql.exec<{ next: number }>('SELECT coalesce(max(seq), 0) + 1 AS next FROM executions');
    this.#nextSeq = max.one().next;
  }

  /**
   * Settles what an earlier life of the object left open. What was running may have had its effect: it is
   * unknown from now on, for a whole TTL. Results that may have been on their way to RESULTS are not there
   * for all we know. Returns how many were running.
   */
  settleCutOff({ openFrom, archivedBefore }: Marks): number {
    // Where the newest rows are gone, their numbers are not given again: nothing before the mark is looked at
    // any more.
    this.#nextSeq = Math.max(this.#nextSeq, openFrom);
    const cutOff = this.#sql
      .exec(
        `UPDATE executions
         SET state = 'unknown', cause = 'gateway-restarted', expires_at = ? + expires_at - received_at
         WHERE seq >= ? AND state = 'running' RETURNING seq`,
        Date.now(),
        openFrom,
      )
      .toArray().length;
    this.#sql.exec(
      `UPDATE executions SET unarchived = 1
       WHERE seq >= ? AND place = 'ledger' AND completed_at >= ? AND archived_at IS NULL AND unarchived IS NULL`,
      openFrom,
      archivedBefore,
    );
    return cutOff;
  }

  get isEmpty(): boolean {
    return this.#sql.exec('SELECT seq FROM executions LIMIT 1').toArray().length === 0;
  }

  /** The number of the execution that begins next. */
  get nextSeq(): number {
    return this.#nextSeq;
  }

  takeSeq(): number {
    const seq = this.#nextSeq;
    this.#nextSeq += 1;
    return seq;
  }

  find(id: string): Row | null {
    const sql = `SELECT ${COLUMNS_AND_RECORD} FROM executions WHERE id = ?`;
    const [row] = this.#sql.exec<SqlRow>(sql, id).toArray();
    return row === undefined ? null : toRow(row);
  }

  /** The rows from `seq` on, oldest first. Few are read ahead of who takes few. */
  *from(seq: number): Generator<Row> {
    let limit = 4;
    for (let next = seq; ; limit = Math.min(limit * 4, PAGE_MAX_ROWS)) {
      const page = this.#select('WHERE seq >= ? ORDER BY seq LIMIT ?', next, limit);
      yield* page;
      const last = page.at(-1);
      if (last === undefined || page.length < limit) return;
      next = last.seq + 1;
    }
  }

  /**
   * Results that RESULTS does not have and should, oldest first. Reads those only: they have an index of
   * their own.
   */
  unarchived(limit: number): CompletedRow[] {
    return this.#select('WHERE unarchived = 1 ORDER BY seq LIMIT ?', limit).filter(isCompleted);
  }

  /** Results whose bodies may leave by `atMs`, those that may first first. Reads those only, as above. */
  toCool(atMs: number, limit: number): CompletedRow[] {
    const where = `WHERE cool_at <= ? AND unarchived IS NULL ORDER BY cool_at LIMIT ?`;
    return this.#select(where, atMs, limit).filter(isCompleted);
  }

  /** Of those that may not leave yet, the ones that every place can see in RESULTS at `now`, as above. */
  settledButHot(now: number, limit: number): CompletedRow[] {
    const where = `WHERE cool_at > ?1 AND unarchived IS NULL
      AND coalesce(archived_at, completed_at) + min(cool_at - completed_at, ?2) <= ?1 ORDER BY cool_at LIMIT ?3`;
    return this.#select(where, now, KV_SETTLES_MS, limit).filter(isCompleted);
  }

  /** When the next body may leave after `atMs`; `null` where none will. */
  nextToCool(atMs: number): number | null {
    const sql = 'SELECT min(cool_at) AS at FROM executions WHERE cool_at > ? AND unarchived IS NULL';
    return this.#sql.exec<{ at: number | null }>(sql, atMs).one().at;
  }

  /** Writes down before it is sent that an execution runs. */
  intend(begun: Begun, expiresAt: number): void {
    this.#sql.exec(
      `INSERT INTO executions (${BEGINNING}, state, expires_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'running', ?)`,
      ...beginning(begun),
      expiresAt,
    );
  }

  /** Writes down how a run ended, in the place of its intent where it has one. */
  complete(begun: Begun, completion: Completion): void {
    const { completedAt, expiresAt, size, status, times, result } = completion;
    const kept = 'record' in result ? result : null;
    this.#sql.exec(
      COMPLETE,
      ...beginning(begun),
      result.place,
      completedAt,
      expiresAt,
      size,
      status,
      times.sentAt,
      times.headAt,
      kept?.unarchived === true ? 1 : null,
      kept?.coolAt ?? null,
      kept?.record.preamble ?? null,
      kept?.record.rest ?? null,
    );
  }

  markUnknown(seq: number, cause: UnknownCause, expiresAt: number, times: RunTimes): void {
    this.#sql.exec(
      `UPDATE executions SET state = 'unknown', cause = ?, expires_at = ?, sent_at = ?, head_at = ?
       WHERE seq = ?`,
      cause,
      expiresAt,
      times.sentAt,
      times.headAt,
      seq,
    );
  }

  markUnarchived(seq: number): void {
    const sql = `UPDATE executions SET unarchived = 1, archived_at = NULL WHERE seq = ? AND place = 'ledger'`;
    this.#sql.exec(sql, seq);
  }

  /**
   * RESULTS has it, since then. Its body, where that is to leave, stays until every place can have seen that:
   * for as long as it is hot after its completion, or {@link KV_SETTLES_MS} where that is shorter.
   */
  markArchived(seq: number, archivedAt: number): void {
    this.#sql.exec(
      `UPDATE executions
       SET unarchived = NULL, archived_at = ?1, cool_at = max(cool_at, ?1 + min(cool_at - completed_at, ?2))
       WHERE seq = ?3`,
      archivedAt,
      KV_SETTLES_MS,
      seq,
    );
  }

  /**
   * Lets a row live until `expiresAt`, as if it were received now: it moves among those that are, and that
   * end about then.
   */
  renew(seq: number, receivedAt: number, expiresAt: number): void {
    const next = this.takeSeq();
    this.#sql.exec(
      `UPDATE executions SET seq = ?, received_at = ?, sent_at = NULL, head_at = NULL, expires_at = ? WHERE seq = ?`,
      next,
      receivedAt,
      expiresAt,
      seq,
    );
    this.#sql.exec('UPDATE repeats SET seq = ? WHERE seq = ?', next, seq);
  }

  /**
   * Gives the name of an execution free for another one, and leaves the row for its readers until it is
   * swept.
   */
  rename(seq: number): void {
    this.#sql.exec(`UPDATE executions SET id = id || '/' || seq, expires_at = 0 WHERE seq = ?`, seq);
  }

  remove(seq: number): void {
    this.#sql.exec('DELETE FROM executions WHERE seq = ?', seq);
    this.#sql.exec('DELETE FROM repeats WHERE seq = ?', seq);
  }

  /** The body of a result has left for RESULTS. */
  dropBody(seq: number): void {
    this.#sql.exec(
      `UPDATE executions SET place = 'results', cool_at = NULL, preamble = NULL, rest = NULL WHERE seq = ?`,
      seq,
    );
  }

  /**
   * The preamble and the last piece of a result that is still here, in one look-up. Throws where it is gone.
   */
  record(seq: number): StoredParts {
    const { preamble, rest } = this.#sql
      .exec<{ preamble: ArrayBuffer; rest: ArrayBuffer }>(
        'SELECT preamble, rest FROM executions WHERE seq = ?',
        seq,
      )
      .one();
    return { preamble: new Uint8Array(preamble), rest: new Uint8Array(rest) };
  }

  /** By what an operator knows the request again; `null` where the row is gone, or of an earlier version. */
  labels(seq: number): RequestLabels | null {
    const [row] = this.#sql
      .exec<{ method: string | null; path: string | null; trace: string | null }>(
        'SELECT method, path, trace FROM executions WHERE seq = ?',
        seq,
      )
      .toArray();
    if (row === undefined || row.method === null || row.path === null) return null;
    return { method: row.method, path: row.path, trace: row.trace };
  }

  #select(where: string, ...values: SqlStorageValue[]): Row[] {
    return this.#sql
      .exec<SqlRow>(`SELECT ${COLUMNS} FROM executions ${where}`, ...values)
      .toArray()
      .map(toRow);
  }
}

/**
 * How long it may take until what was written to KV is seen in every place, and no longer what was there
 * before.
 */
export const KV_SETTLES_MS = 60_000;

/** Rows that are read at once. */
const PAGE_MAX_ROWS = 200;

/** What is known of an execution when it begins. */
const BEGINNING = 'seq, id, caller, fingerprint, key_hash, received_at, method, path, trace';

function beginning(begun: Begun): SqlStorageValue[] {
  const { seq, id, caller, fingerprint, keyHash, receivedAt, method, path, trace } = begun;
  return [seq, id, caller, fingerprint, keyHash, receivedAt, method, path, trace];
}

const COMPLETE = `
  INSERT INTO executions (${BEGINNING}, state, place, completed_at, expires_at, size,
    status, sent_at, head_at, unarchived, cool_at, preamble, rest)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'completed', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (seq) DO UPDATE SET state = 'completed', place = excluded.place, completed_at = excluded.completed_at,
    expires_at = excluded.expires_at, size = excluded.size, status = excluded.status, sent_at = excluded.sent_at,
    head_at = excluded.head_at, unarchived = excluded.unarchived, cool_at = excluded.cool_at,
    preamble = excluded.preamble, rest = excluded.rest`;
