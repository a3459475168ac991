import { COUNTERS, type Counter, growth, noTotals, REFUSAL_COUNTERS, type Totals } from '../../counters.ts';
import type { Refusal } from '../../protocol.ts';
import type { NoRoom } from '../run/run-memory.ts';
import type { OverLimit } from '../usage.ts';
import { type Marks, NO_MARKS } from './marks.ts';

const MINUTE_MS = 60_000;
/** How long the minutes of the past are kept. */
const KEPT_MINUTES = 24 * 60;

/** A row written costs as much as so many read, which is what an old mark costs after a restart. */
const ROWS_WORTH_A_WRITE = 1_000;

/** A refusal because of an execution that is there, and not because of a limit. */
export type RepeatRefusal = Exclude<Refusal, LimitRefusal | 'other-credentials'>;

/** A refusal to begin an execution. */
type LimitRefusal = OverLimit | NoRoom | 'ledger-full';

const LIMIT_REFUSALS = {
  'too-many-running': true,
  'too-much-stored': true,
  'too-much-held': true,
  'no-room': true,
  'ledger-full': true,
} as const satisfies Record<LimitRefusal, true>;

/** Whether a request was refused because nothing can begin now, whatever is known of its execution. */
export function isLimit(reason: Refusal): reason is LimitRefusal {
  return Object.hasOwn(LIMIT_REFUSALS, reason);
}

/** The requests that came for one execution after the first. */
export interface Repeats {
  readonly replays: number;
  readonly joins: number;
  readonly refusals: Readonly<Record<RepeatRefusal, number>>;
  /** When the latest of them came, in milliseconds since the epoch; `null` where none did. */
  readonly lastAt: number | null;
}

/** What one minute saw. */
export interface MinuteCounts {
  /** Minutes since the epoch. */
  readonly minute: number;
  readonly counts: Totals;
}

type RepeatKind = 'replays' | 'joins' | RepeatRefusal;
type PendingRepeats = Record<RepeatKind, number> & { lastAt: number };

/**
 * Counts in memory, and writes the counts down when it is told to. Nothing here writes on the way of a request, so what
 * was counted since the last flush goes with the object's memory; no execution's state ever does.
 *
 * The table holds running totals, a row for each minute that saw something. The newest row is the totals since ever, and
 * two rows tell what came between: one row written serves both. How far the sweep has come is in it too, as it would else be a
 * row more, as often.
 */
export class Counts {
  readonly #sql: SqlStorage;
  readonly #somethingToFlush: () => void;
  #flushed: Totals;
  #marks: Marks;
  #pending: Record<Counter, number> | null = null;
  readonly #repeats = new Map<string, PendingRepeats>();

  /** `somethingToFlush` is called with each count, and sees to it that {@link flush} is called soon. */
  constructor(sql: SqlStorage, somethingToFlush: () => void) {
    this.#sql = sql;
    this.#somethingToFlush = somethingToFlush;
    sql.exec(`
      CREATE TABLE IF NOT EXISTS totals (
        minute INTEGER PRIMARY KEY,
        cool_from INTEGER NOT NULL,
        archived_before INTEGER NOT NULL,
        ${COUNTERS.map((counter) => `${counter} INTEGER NOT NULL`).join(', ')}
      ) STRICT;
    `);
    const [newest] = sql.exec<TotalsRow>('SELECT * FROM totals ORDER BY minute DESC LIMIT 1').toArray();
    this.#flushed = newest ?? noTotals();
    this.#marks =
      newest === undefined
        ? NO_MARKS
        : { coolFrom: newest.cool_from, archivedBefore: newest.archived_before };
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
    this.#repeat(id, 'replays', times);
  }

  joined(id: string): void {
    this.add('joins');
    this.#repeat(id, 'joins');
  }

  refused(id: string, reason: Refusal): void {
    this.add(REFUSAL_COUNTERS[reason]);
    if (!isLimit(reason)) this.#repeat(id, reason === 'other-credentials' ? 'key-reused' : reason);
  }

  /** What was counted of an earlier execution with this id is not the next one's. */
  forget(id: string): void {
    this.#repeats.delete(id);
  }

  /** Writes down what was counted, and how far the sweep has come. Synchronous: all of it is one commit. */
  flush(now: number, marks: Marks): void {
    for (const [id, repeats] of this.#repeats) this.#writeRepeats(id, repeats);
    this.#repeats.clear();
    const { coolFrom, archivedBefore } = this.#marks;
    const movedOn =
      marks.coolFrom >= coolFrom + ROWS_WORTH_A_WRITE || marks.archivedBefore !== archivedBefore;
    if (this.#pending === null && !movedOn) return;
    const totals = noTotals();
    for (const counter of COUNTERS)
      totals[counter] = this.#flushed[counter] + (this.#pending?.[counter] ?? 0);
    const minute = Math.floor(now / MINUTE_MS);
    this.#sql.exec(
      `INSERT OR REPLACE INTO totals (minute, cool_from, archived_before, ${COUNTERS.join(', ')})
       VALUES (?, ?, ?, ${COUNTERS.map(() => '?').join(', ')})`,
      minute,
      marks.coolFrom,
      marks.archivedBefore,
      ...COUNTERS.map((counter) => totals[counter]),
    );
    this.#sql.exec('DELETE FROM totals WHERE minute < ?', minute - KEPT_MINUTES);
    this.#flushed = totals;
    this.#marks = marks;
    this.#pending = null;
  }

  /** How far the sweep had come, as it was written down. */
  get marks(): Marks {
    return this.#marks;
  }

  /** The totals since ever, as they were written down: they never go back, not even in a crash. */
  get totals(): Totals {
    return this.#flushed;
  }

  /** What each minute saw, from `minute` on, oldest first. Minutes that saw nothing are left out. */
  since(minute: number): MinuteCounts[] {
    const rows = this.#sql
      .exec<TotalsRow>(
        `SELECT * FROM totals
         WHERE minute >= coalesce((SELECT max(minute) FROM totals WHERE minute < ?1), ?1) ORDER BY minute`,
        minute,
      )
      .toArray();
    const [oldest] = rows;
    let before: Totals = oldest !== undefined && oldest.minute < minute ? oldest : noTotals();
    const minutes: MinuteCounts[] = [];
    for (const row of rows) {
      if (row.minute < minute) continue;
      minutes.push({ minute: row.minute, counts: growth(before, row) });
      before = row;
    }
    return minutes;
  }

  /** The repeats of an execution that its row says, and those that are not written down yet. */
  repeatsOf(id: string, row: RepeatsRow): Repeats {
    const pending = this.#repeats.get(id);
    return {
      replays: (row.replays ?? 0) + (pending?.replays ?? 0),
      joins: (row.joins ?? 0) + (pending?.joins ?? 0),
      refusals: {
        'key-reused': (row.key_reused ?? 0) + (pending?.['key-reused'] ?? 0),
        'in-progress': (row.in_progress ?? 0) + (pending?.['in-progress'] ?? 0),
        'outcome-unknown': (row.outcome_unknown ?? 0) + (pending?.['outcome-unknown'] ?? 0),
        'not-recorded': (row.not_recorded ?? 0) + (pending?.['not-recorded'] ?? 0),
      },
      lastAt: pending?.lastAt ?? row.last_at,
    };
  }

  #repeat(id: string, kind: RepeatKind, times = 1): void {
    const repeats = this.#repeats.get(id) ?? {
      replays: 0,
      joins: 0,
      'key-reused': 0,
      'in-progress': 0,
      'outcome-unknown': 0,
      'not-recorded': 0,
      lastAt: 0,
    };
    repeats[kind] += times;
    repeats.lastAt = Date.now();
    this.#repeats.set(id, repeats);
  }

  /** Beside the executions, not among them: to change a row there would write its body anew. */
  #writeRepeats(id: string, repeats: PendingRepeats): void {
    this.#sql.exec(
      `INSERT INTO repeats (seq, replays, joins, key_reused, in_progress, outcome_unknown, not_recorded, last_at)
       SELECT seq, ?, ?, ?, ?, ?, ?, ? FROM executions WHERE id = ?
       ON CONFLICT (seq) DO UPDATE SET
         replays = replays + excluded.replays,
         joins = joins + excluded.joins,
         key_reused = key_reused + excluded.key_reused,
         in_progress = in_progress + excluded.in_progress,
         outcome_unknown = outcome_unknown + excluded.outcome_unknown,
         not_recorded = not_recorded + excluded.not_recorded,
         last_at = excluded.last_at`,
      repeats.replays,
      repeats.joins,
      repeats['key-reused'],
      repeats['in-progress'],
      repeats['outcome-unknown'],
      repeats['not-recorded'],
      repeats.lastAt,
      id,
    );
  }
}

type TotalsRow = Record<Counter, number> & { minute: number; cool_from: number; archived_before: number };

/** The row of `repeats` beside an execution; all `null` where there is none. */
export type RepeatsRow = {
  replays: number | null;
  joins: number | null;
  key_reused: number | null;
  in_progress: number | null;
  outcome_unknown: number | null;
  not_recorded: number | null;
  last_at: number | null;
};
