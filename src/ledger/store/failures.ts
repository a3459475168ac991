/** @module The runs that failed lately. Runs in: the ledger object. */

import type { Failure } from '../../inspection.ts';

/** So many of the newest are kept. */
const KEPT_FAILURES = 200;

/** What is written down of a minute: its failures as JSON, oldest first; `null` where it saw none. */
type FailuresRow = { minute: number; failures: string | null };

/**
 * The runs that failed lately. They are written down in the row of the minute's counts, which a failure
 * changes anyway, so that they cost no row; those of the last seconds are in memory alone. A minute whose
 * failures are all older than the newest that are kept loses them.
 */
export class Failures {
  readonly #sql: SqlStorage;
  /** What the row of this minute says already. */
  #written: { readonly minute: number; readonly failures: readonly Failure[] } | null = null;
  #pending: Failure[] = [];

  /** `newest` is the newest row of an earlier life of the object. */
  constructor(sql: SqlStorage, newest: FailuresRow | undefined) {
    this.#sql = sql;
    if (newest !== undefined) this.#written = { minute: newest.minute, failures: parsed(newest) };
  }

  add(failure: Failure): void {
    this.#pending.push(failure);
    if (this.#pending.length > KEPT_FAILURES) this.#pending.shift();
  }

  /** What the row of a minute is to say. */
  toWrite(minute: number): string | null {
    const failures = this.#of(minute);
    return failures.length === 0 ? null : JSON.stringify(failures);
  }

  /** The row of this minute says so by now. The first one of a minute makes room. */
  written(minute: number): void {
    const failures = this.#of(minute);
    const isFirst = failures.length > 0 && this.#written?.minute !== minute;
    this.#written = { minute, failures };
    this.#pending = [];
    if (isFirst) this.#removeOld();
  }

  #of(minute: number): Failure[] {
    const before = this.#written?.minute === minute ? this.#written.failures : [];
    return [...before, ...this.#pending].slice(-KEPT_FAILURES);
  }

  #removeOld(): void {
    this.#sql.exec(
      `UPDATE totals SET failures = NULL WHERE failures IS NOT NULL AND minute < (
         SELECT max(minute) FROM (
           SELECT minute, sum(json_array_length(failures)) OVER (ORDER BY minute DESC) AS newer
           FROM totals WHERE failures IS NOT NULL
         ) WHERE newer >= ?
       )`,
      KEPT_FAILURES,
    );
  }

  /** Newest first; of one key alone, where it is named. */
  newest(limit: number, keyHash: string | null): Failure[] {
    const found = this.#pending.toReversed();
    const rows = this.#sql.exec<FailuresRow>(
      'SELECT minute, failures FROM totals WHERE failures IS NOT NULL ORDER BY minute DESC',
    );
    // One key's may be anywhere among them.
    const most = keyHash === null ? Math.min(limit, KEPT_FAILURES) : KEPT_FAILURES;
    for (const row of rows) {
      if (found.length >= most) break;
      found.push(...parsed(row).reverse());
    }
    const kept = found.slice(0, most);
    return keyHash === null ? kept : kept.filter((failure) => failure.keyHash === keyHash).slice(0, limit);
  }
}

/** Only what this class has written is read, so that its form is known. */
function parsed({ failures }: FailuresRow): Failure[] {
  return failures === null ? [] : JSON.parse(failures);
}
