/** @module The counters, in memory and in their table. Runs in: the ledger object. */

import { COUNTERS, type Counter, growth, noTotals, sumOf, type Totals } from '../../counters.ts';
import { bucketFor } from '../../histogram.ts';
import type { Failure, MinuteCounts } from '../../inspection.ts';
import type { LimitRefusal, Refusal, Repeats } from '../../protocol.ts';
import { MINUTE_MS } from '../../time.ts';
import { addMissingColumns, countColumns } from './columns.ts';
import { Failures } from './failures.ts';
import { type Marks, NO_MARKS } from './marks.ts';
import { RepeatCounts, type RepeatsRow } from './repeats.ts';

/** How long the minutes of the past are kept. */
const KEPT_MINUTES = 24 * 60;

/** A row written costs as much as so many read, which is what an old mark costs after a restart. */
const ROWS_WORTH_A_WRITE = 1_000;

/** The counter of a refusal. */
const REFUSAL_COUNTERS = {
  'key-reused': 'keyReused',
  'other-credentials': 'keyReused',
  'in-progress': 'inProgress',
  'outcome-unknown': 'outcomeUnknown',
  'not-recorded': 'notRecorded',
  'record-damaged': 'recordDamaged',
  'too-many-running': 'overLimit',
  'too-much-stored': 'overLimit',
  'too-much-held': 'overLimit',
  'no-room': 'overLimit',
  'ledger-full': 'ledgerFull',
} as const satisfies Record<Refusal, Counter>;

/** Whether a request was refused because nothing can begin now, whatever is known of its execution. */
export function isLimit(reason: Refusal): reason is LimitRefusal {
  const counter = REFUSAL_COUNTERS[reason];
  return counter === 'overLimit' || counter === 'ledgerFull';
}

/**
 * Counts in memory, and writes the counts down when it is told to. Nothing here writes on the way of a
 * request, so what was counted since the last flush goes with the object's memory; no execution's state ever
 * does.
 *
 * The table holds running totals, a row for each minute that saw something. The newest row is the all-time
 * totals, and two rows tell what came between: one row written serves both. How far the sweep has come is in
 * it too, as it would else be a row more, as often; and which runs failed in that minute.
 */
export class Counts {
  readonly #sql: SqlStorage;
  readonly #somethingToFlush: () => void;
  readonly #repeats: RepeatCounts;
  readonly #failures: Failures;
  #flushed: Totals;
  #marks: Marks;
  #pending: Record<Counter, number> | null = null;

  /** `somethingToFlush` is called with each count, and sees to it that {@link flush} is called soon. */
  constructor(sql: SqlStorage, somethingToFlush: () => void) {
    this.#sql = sql;
    this.#somethingToFlush = somethingToFlush;
    this.#repeats = new RepeatCounts(sql);
    sql.exec(`
      CREATE TABLE IF NOT EXISTS totals (
        minute INTEGER PRIMARY KEY,
        open_from INTEGER NOT NULL,
        archived_before INTEGER NOT NULL,
        ${COUNTERS.map((counter) => `${counter} INTEGER NOT NULL`).join(', ')},
        failures TEXT
      ) STRICT;
    `);
    addMissingColumns(sql, 'totals', { ...countColumns(['open_from', ...COUNTERS]), failures: 'TEXT' });
    const [newest] = sql
      .exec<TotalsRow & { failures: string | null }>('SELECT * FROM totals ORDER BY minute DESC LIMIT 1')
      .toArray();
    this.#failures = new Failures(sql, newest);
    this.#flushed = newest === undefined ? noTotals() : sumOf([newest]);
    this.#marks =
      newest === undefined
        ? NO_MARKS
        : { openFrom: newest.open_from, archivedBefore: newest.archived_before };
  }

  add(counter: Counter, by = 1): void {
    this.#pending ??= noTotals();
    this.#pending[counter] += by;
    this.#somethingToFlush();
  }

  /** A recorded response was given again so many times: `size` bytes that took the upstream `upstreamMs`. */
  replayed(id: string, size: number, upstreamMs: number, times = 1): void {
    this.add('replays', times);
    this.add('replayedBytes', size * times);
    this.add('savedMs', upstreamMs * times);
    this.#repeats.add(id, 'replays', times);
  }

  /** A run failed, or nobody knows how it ended. */
  failed(failure: Failure, counters: readonly Counter[]): void {
    for (const counter of counters) this.add(counter);
    this.#failures.add(failure);
  }

  /** The runs that failed lately, newest first; of one key alone, where it is named. */
  newestFailures(limit: number, keyHash: string | null = null): Failure[] {
    return this.#failures.newest(limit, keyHash);
  }

  joined(id: string): void {
    this.add('joins');
    this.#repeats.add(id, 'joins');
  }

  refused(id: string, reason: Refusal): void {
    this.add(REFUSAL_COUNTERS[reason]);
    if (!isLimit(reason)) this.#repeats.add(id, reason === 'other-credentials' ? 'key-reused' : reason);
  }

  /** What was counted of an earlier execution with this id is not the next one's. */
  forget(id: string): void {
    this.#repeats.forget(id);
  }

  /** Writes down what was counted, and how far the sweep has come. Synchronous: all of it is one commit. */
  flush(now: number, marks: Marks, isRunning: (id: string) => boolean): void {
    this.#repeats.flush(isRunning);
    const { openFrom, archivedBefore } = this.#marks;
    const movedOn =
      marks.openFrom >= openFrom + ROWS_WORTH_A_WRITE || marks.archivedBefore !== archivedBefore;
    if (this.#pending === null && !movedOn) return;
    const totals = noTotals();
    for (const counter of COUNTERS)
      totals[counter] = this.#flushed[counter] + (this.#pending?.[counter] ?? 0);
    const minute = Math.floor(now / MINUTE_MS);
    this.#sql.exec(
      `INSERT OR REPLACE INTO totals (minute, open_from, archived_before, ${COUNTERS.join(', ')}, failures)
       VALUES (?, ?, ?, ${COUNTERS.map(() => '?').join(', ')}, ?)`,
      minute,
      marks.openFrom,
      marks.archivedBefore,
      ...COUNTERS.map((counter) => totals[counter]),
      this.#failures.toWrite(minute),
    );
    this.#failures.written(minute);
    this.#sql.exec('DELETE FROM totals WHERE minute < ?', minute - KEPT_MINUTES);
    this.#flushed = totals;
    this.#marks = marks;
    this.#pending = null;
  }

  /** How far the sweep had come, as it was written down. */
  get marks(): Marks {
    return this.#marks;
  }

  /** The all-time totals, as they were written down: they never go back, not even in a crash. */
  get totals(): Totals {
    return this.#flushed;
  }

  /** What came to an end that took so long upstream. */
  upstreamTook(ms: number): void {
    this.add('upstreamMs', ms);
    this.add(bucketFor('upstream', ms));
  }

  /** What the ledger object took beside that. */
  added(ms: number): void {
    this.add('addedMs', ms);
    this.add(bucketFor('added', ms));
  }

  /**
   * What each minute saw, from `minute` on, or so many at once, oldest first. Those that saw nothing are left
   * out. As the rows hold running totals, the last row of each span tells all.
   */
  since(minute: number, minutesAtOnce = 1): MinuteCounts[] {
    const rows = this.#sql
      .exec<TotalsRow>(
        `SELECT max(minute) AS minute, ${COUNTERS.join(', ')} FROM totals
         WHERE minute >= coalesce((SELECT max(minute) FROM totals WHERE minute < ?1), ?1)
         GROUP BY CASE WHEN minute < ?1 THEN -1 ELSE (minute - ?1) / ?2 END ORDER BY minute`,
        minute,
        minutesAtOnce,
      )
      .toArray();
    const [oldest] = rows;
    let before: Totals = oldest !== undefined && oldest.minute < minute ? oldest : noTotals();
    const minutes: MinuteCounts[] = [];
    for (const row of rows) {
      if (row.minute < minute) continue;
      const start = row.minute - ((row.minute - minute) % minutesAtOnce);
      minutes.push({ minute: start, counts: growth(before, row) });
      before = row;
    }
    return minutes;
  }

  /** The repeats of an execution: those that its row says, and those that are not written down yet. */
  repeatsOf(id: string, row: RepeatsRow): Repeats {
    return this.#repeats.of(id, row);
  }
}

type TotalsRow = Record<Counter, number> & { minute: number; open_from: number; archived_before: number };
