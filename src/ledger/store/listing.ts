import {
  compareNewestFirst,
  type ExecutionView,
  type ListQuery,
  type Place,
  type RunTimes,
  type UnknownCause,
} from '../../protocol.ts';
import type { Counts } from './counts.ts';
import { type RepeatsRow, repeatColumns } from './repeats.ts';
import type { Begun } from './row.ts';

/** What of executions is known in memory. */
export interface ListingParts {
  readonly counts: Counts;
  readonly runs: {
    all(): Iterable<Running>;
    find(id: string): Running | null;
  };
  readonly archive: {
    /** RESULTS is not known to have it. */
    lacks(seq: number): boolean;
  };
}

interface Running {
  readonly begun: Begun;
  readonly expiresAt: number;
  readonly execution: { readonly times: RunTimes };
}

/**
 * The executions as the operator sees them: those that run, from memory, whether or not they have a row, and those that have ended.
 * Reads only what it returns, except where it searches for a key or a state.
 */
export class Listing {
  readonly #sql: SqlStorage;
  readonly #parts: ListingParts;

  constructor(sql: SqlStorage, parts: ListingParts) {
    this.#sql = sql;
    this.#parts = parts;
  }

  find(id: string): ExecutionView | null {
    const run = this.#parts.runs.find(id);
    if (run !== null) return this.#running(run);
    const [row] = this.#sql.exec<ViewRow>(`${SELECT} WHERE e.id = ?`, id).toArray();
    return row === undefined ? null : this.#ended(row, Date.now());
  }

  /** At most `limit` executions that match, newest first. */
  list(query: ListQuery): ExecutionView[] {
    const { state, limit } = query;
    const found = state === null || state === 'running' ? this.#listRunning(query) : [];
    if (state !== 'running') found.push(...this.#listEnded(query));
    return found.sort(compareNewestFirst).slice(0, limit);
  }

  #listRunning({ keyHash, after }: ListQuery): ExecutionView[] {
    return [...this.#parts.runs.all()]
      .filter(({ begun }) => keyHash === null || begun.keyHash === keyHash)
      .filter(({ begun }) => after === null || compareNewestFirst(after, begun) < 0)
      .map((run) => this.#running(run));
  }

  #listEnded({ keyHash, state, after, limit }: ListQuery): ExecutionView[] {
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
      const view = this.#parts.runs.find(row.id) === null ? this.#ended(row, now) : null;
      if (view !== null) found.push(view);
    }
    return found;
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

  #running({ begun, expiresAt, execution }: Running): ExecutionView {
    const { id, receivedAt } = begun;
    const { sentAt, headAt } = execution.times;
    return {
      id,
      state: 'running',
      cause: null,
      place: null,
      status: null,
      size: null,
      receivedAt,
      sentAt,
      headAt,
      recordedAt: null,
      archivedAt: null,
      expiresAt,
      repeats: this.#parts.counts.repeatsOf(id, {}),
    };
  }

  /** `null` where its time has ended. A row that says `running`, with nobody running it, could not be ended in any other way. */
  #ended(row: ViewRow, now: number): ExecutionView | null {
    if (row.expires_at <= now) return null;
    const state = row.state === 'completed' ? 'completed' : 'unknown';
    return {
      id: row.id,
      state,
      cause: state === 'completed' ? null : (row.cause ?? 'gateway-restarted'),
      place: row.place,
      status: row.status,
      size: row.size,
      receivedAt: row.received_at,
      sentAt: row.sent_at,
      headAt: row.head_at,
      recordedAt: row.completed_at,
      archivedAt: row.archived_at ?? (this.#isArchived(row) ? row.completed_at : null),
      expiresAt: row.expires_at,
      repeats: this.#parts.counts.repeatsOf(row.id, row),
    };
  }

  /** Where it is in RESULTS without its row saying since when, it was there at once. */
  #isArchived({ seq, place, unarchived }: ViewRow): boolean {
    if (place === 'results') return true;
    return place === 'ledger' && unarchived === null && !this.#parts.archive.lacks(seq);
  }
}

const SELECT = `
  SELECT e.seq, e.id, e.state, e.cause, e.place, e.status, e.size, e.received_at, e.sent_at, e.head_at, e.completed_at,
    e.archived_at, e.unarchived, e.expires_at, ${repeatColumns('r')}
  FROM executions e LEFT JOIN repeats r ON r.seq = e.seq`;

type ViewRow = RepeatsRow & {
  seq: number;
  id: string;
  state: string;
  cause: UnknownCause | null;
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
