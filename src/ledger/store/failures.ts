/** @module The runs that failed lately, in a ring. Runs in: the ledger object. */

import type { Failure } from '../../inspection.ts';

/** So many of the newest are kept, and at most so many of one minute. */
export const KEPT_FAILURES = 200;

/** What is written down of a minute: its failures as JSON, oldest first; `null` where it saw none. */
export type FailuresRow = { minute: number; failures: string | null };

/**
 * The runs that failed lately. They are written down in the row of the minute's counts, which a failure
 * changes anyway, so that they cost no row; those of the last seconds are in memory alone.
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

  /** What the row of a minute is to say, which is now written. */
  flushed(minute: number): string | null {
    const before = this.#written?.minute === minute ? this.#written.failures : [];
    const failures = [...before, ...this.#pending].slice(-KEPT_FAILURES);
    this.#written = { minute, failures };
    this.#pending = [];
    return failures.length === 0 ? null : JSON.stringify(failures);
  }

  /** Newest first. */
  newest(limit: number): Failure[] {
    const found = this.#pending.toReversed();
    const rows = this.#sql.exec<FailuresRow>(
      'SELECT minute, failures FROM totals WHERE failures IS NOT NULL ORDER BY minute DESC',
    );
    const most = Math.min(limit, KEPT_FAILURES);
    for (const row of rows) {
      if (found.length >= most) break;
      found.push(...parsed(row).reverse());
    }
    return found.slice(0, most);
  }
}

/** Only what this class has written is read, so that its form is known. */
function parsed({ failures }: FailuresRow): Failure[] {
  return failures === null ? [] : JSON.parse(failures);
}
