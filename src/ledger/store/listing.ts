import type { Counts, Repeats, RepeatsRow } from './counts.ts';
import type { Place, RunTimes, UnknownCause } from './rows.ts';

/** What an operator may know of an execution. Times are milliseconds since the epoch; `null` is «not yet» or «never». */
export interface ExecutionView {
  readonly id: string;
  readonly state: 'running' | 'completed' | 'unknown';
  /** Why the outcome is unknown. */
  readonly cause: UnknownCause | null;
  /** Where the recorded body is. */
  readonly place: Place | null;
  readonly status: number | null;
  /** The body's size in bytes. */
  readonly size: number | null;
  readonly receivedAt: number;
  readonly sentAt: number | null;
  readonly headAt: number | null;
  readonly recordedAt: number | null;
  /** To the second. */
  readonly archivedAt: number | null;
  readonly expiresAt: number;
  readonly repeats: Repeats;
}

/** Where a list goes on: after the execution that was received then and has this id. */
export interface Position {
  readonly receivedAt: number;
  readonly id: string;
}

export interface ListQuery {
  readonly keyHash: string | null;
  readonly state: ExecutionView['state'] | null;
  readonly after: Position | null;
  readonly limit: number;
}

/** What of an execution is known in memory only. */
export interface LiveKnowledge {
  /** `null` where it does not run. */
  times(id: string): RunTimes | null;
  /** RESULTS is not known to have it. */
  lacksInResults(seq: number): boolean;
}

/**
 * Newest first: by when it was received, then by id. All parts of a merged list have to agree on this.
 */
export function compareNewestFirst(a: Position, b: Position): number {
  if (a.receivedAt !== b.receivedAt) return b.receivedAt - a.receivedAt;
  return a.id < b.id ? 1 : -1;
}

/** The executions as the operator sees them. Reads only what it returns, except where it searches for a key or a state. */
export class Listing {
  readonly #sql: SqlStorage;
  readonly #counts: Counts;
  readonly #live: LiveKnowledge;

  constructor(sql: SqlStorage, counts: Counts, live: LiveKnowledge) {
    this.#sql = sql;
    this.#counts = counts;
    this.#live = live;
  }

  find(id: string): ExecutionView | null {
    const [row] = this.#sql.exec<ViewRow>(`${SELECT} WHERE e.id = ?`, id).toArray();
    return row === undefined ? null : this.#view(row, Date.now());
  }

  /** At most `limit` executions that match, newest first. */
  list({ keyHash, state, after, limit }: ListQuery): ExecutionView[] {
    const now = Date.now();
    const found: ExecutionView[] = [];
    // Rows are numbered as they begin, so the newest come first, and what is as old as the last one is read to its end.
    const rows = this.#sql.exec<ViewRow>(
      `${SELECT}
       WHERE (?1 IS NULL OR e.key_hash = ?1)
         AND (?2 IS NULL OR (e.state = 'completed') = (?2 = 'completed'))
         AND (?3 IS NULL OR e.received_at < ?3 OR (e.received_at = ?3 AND e.id < ?4))
       ORDER BY e.seq DESC`,
      keyHash,
      state,
      after?.receivedAt ?? null,
      after?.id ?? null,
    );
    for (const row of rows) {
      const last = found.at(-1);
      if (last !== undefined && found.length >= limit && row.received_at < last.receivedAt) break;
      const view = this.#view(row, now);
      if (view !== null && (state === null || view.state === state)) found.push(view);
    }
    return found.sort(compareNewestFirst).slice(0, limit);
  }

  /** How many executions have an unknown outcome. Reads those only: they have an index of their own. */
  unknown(): number {
    return this.#sql
      .exec<{ n: number }>(
        `SELECT count(*) AS n FROM executions WHERE state = 'unknown' AND expires_at > ?`,
        Date.now(),
      )
      .one().n;
  }

  #view(row: ViewRow, now: number): ExecutionView | null {
    const live = row.state === 'running' ? this.#live.times(row.id) : null;
    if (live === null && row.expires_at <= now) return null;
    const state = row.state === 'completed' ? 'completed' : live === null ? 'unknown' : 'running';
    return {
      id: row.id,
      state,
      cause:
        state !== 'unknown'
          ? null
          : row.cause === 'upstream-broke-off'
            ? 'upstream-broke-off'
            : 'gateway-restarted',
      place: row.place,
      status: row.status,
      size: row.size,
      receivedAt: row.received_at,
      sentAt: live?.sentAt ?? row.sent_at,
      headAt: live?.headAt ?? row.head_at,
      recordedAt: row.completed_at,
      archivedAt: row.archived_at ?? (this.#isArchived(row) ? row.completed_at : null),
      expiresAt: row.expires_at,
      repeats: this.#counts.repeatsOf(row.id, row),
    };
  }

  /** Where it is in RESULTS without its row saying since when, it was there at once. */
  #isArchived({ seq, place, unarchived }: ViewRow): boolean {
    if (place === 'results') return true;
    return place === 'ledger' && unarchived === null && !this.#live.lacksInResults(seq);
  }
}

const SELECT = `
  SELECT e.seq, e.id, e.state, e.cause, e.place, e.status, e.size, e.received_at, e.sent_at, e.head_at, e.completed_at,
    e.archived_at, e.unarchived, e.expires_at, r.replays, r.joins, r.key_reused, r.in_progress, r.outcome_unknown, r.not_recorded,
    r.last_at
  FROM executions e LEFT JOIN repeats r ON r.seq = e.seq`;

type ViewRow = RepeatsRow & {
  seq: number;
  id: string;
  state: string;
  cause: string | null;
  place: Place | null;
  status: number | null;
  size: number | null;
  received_at: number;
  sent_at: number | null;
  head_at: number | null;
  completed_at: number | null;
  archived_at: number | null;
  unarchived: number | null;
  expires_at: number;
};
