/** @module Executions as the operator sees them. Runs in: the ledger object. */

import {
  compareNewestFirst,
  type ExecutionView,
  type ListFilter,
  type ListPart,
  type ListQuery,
  type Position,
} from '../../inspection.ts';
import type { Place, RunTimes, UnknownCause } from '../../protocol.ts';
import { callerName, digestStarts } from './caller-name.ts';
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
 * So many rows are read for one part of a list, however few of them match: some milliseconds, in which
 * nothing else is decided.
 */
const LOOK_AT_MAX_ROWS = 5_000;

/**
 * Two objects' clocks, or one's after it was moved, may differ by so much: rows are not numbered quite as
 * they were received.
 */
const CLOCK_SLACK_MS = 5_000;

/**
 * The executions as the operator sees them: those that run, from memory, whether or not they have a row, and
 * those that have ended. What it reads for a part of a list has a bound.
 */
export class Listing {
  readonly #sql: SqlStorage;
  readonly #parts: ListingParts;
  readonly #maxRows: number;

  constructor(sql: SqlStorage, parts: ListingParts, maxRows = LOOK_AT_MAX_ROWS) {
    this.#sql = sql;
    this.#parts = parts;
    this.#maxRows = maxRows;
  }

  find(id: string): ExecutionView | null {
    const run = this.#parts.runs.find(id);
    if (run !== null) return this.#running(run);
    const [row] = this.#sql.exec<ViewRow>(`${SELECT} ${FROM} WHERE e.id = ?`, id).toArray();
    return row === undefined ? null : this.#ended(row, Date.now());
  }

  /** At most `limit` executions that match, newest first, and how far it was looked for them. */
  list(query: ListQuery): ListPart {
    const { limit } = query;
    const state = query.state ?? null;
    const running = state === null || state === 'running' ? this.#listRunning(query) : [];
    const ended = state === 'running' ? ALL_SEEN : this.#listEnded(query, state);
    const found = [...running, ...ended.executions].sort(compareNewestFirst);
    const last = found[limit - 1];
    const beyond = found.length > limit || ended.lookedTo !== null;
    if (last === undefined || !beyond) return { executions: found, lookedTo: ended.lookedTo };
    const { lookedTo } = ended;
    const isWithin = lookedTo === null || compareNewestFirst(last, lookedTo) < 0;
    return { executions: found.slice(0, limit), lookedTo: isWithin ? positionOf(last) : lookedTo };
  }

  #listRunning(query: ListQuery): ExecutionView[] {
    const { after } = query;
    return [...this.#parts.runs.all()]
      .filter(({ begun }) => after === null || compareNewestFirst(after, begun) < 0)
      .filter(({ begun }) => begins(begun, query))
      .map((run) => this.#running(run));
  }

  /**
   * Rows are numbered as they begin, so the newest come first. What is as old as the last one is read to its
   * end.
   */
  #listEnded(query: ListQuery, state: 'completed' | 'unknown' | null): ListPart {
    const { after, limit } = query;
    const now = Date.now();
    const found: ExecutionView[] = [];
    let looked = 0;
    let lookedTo = Number.POSITIVE_INFINITY;
    for (const row of this.#rowsFrom(query, state)) {
      const isOlder = row.received_at < lookedTo;
      if (isOlder && (found.length >= limit || looked >= this.#maxRows)) {
        return { executions: found, lookedTo: { receivedAt: lookedTo, id: '' } };
      }
      if (typeof query.from === 'number' && row.received_at < query.from - CLOCK_SLACK_MS) break;
      lookedTo = row.received_at;
      if (after !== null && compareNewestFirst(after, { receivedAt: row.received_at, id: row.id }) >= 0)
        continue;
      looked += 1;
      if (row.matches === 0 || this.#parts.runs.find(row.id) !== null) continue;
      const view = this.#ended(row, now);
      if (view !== null) found.push(view);
    }
    return { executions: found, lookedTo: null };
  }

  #rowsFrom(
    query: ListQuery,
    state: 'completed' | 'unknown' | null,
  ): Iterable<ViewRow & { matches: number }> {
    const { after, to } = query;
    const newest = Math.min(after?.receivedAt ?? Number.MAX_SAFE_INTEGER, to ?? Number.MAX_SAFE_INTEGER);
    const from = newest === Number.MAX_SAFE_INTEGER ? newest : this.#lastSeq(newest + CLOCK_SLACK_MS);
    const [matches, values] = matching(query, state);
    // Unknown outcomes have an index of their own, so that they are found among however many others.
    const [of, and] = state === 'unknown' ? [FROM_UNKNOWN, `AND e.state = 'unknown'`] : [FROM, ''];
    return this.#sql.exec<ViewRow & { matches: number }>(
      `${SELECT}, (${matches}) AS matches ${of} WHERE e.seq <= ? ${and} ORDER BY e.seq DESC`,
      ...values,
      from,
    );
  }

  /** The number of the last row that was received by then, found by halving. */
  #lastSeq(receivedBy: number): number {
    // Both in one query would read all that is between them.
    const bounds = `SELECT coalesce((SELECT min(seq) FROM executions), 0) AS low,
      coalesce((SELECT max(seq) FROM executions), 0) AS high`;
    let { low, high } = this.#sql.exec<{ low: number; high: number }>(bounds).one();
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      const sql = 'SELECT received_at FROM executions WHERE seq >= ? ORDER BY seq LIMIT 1';
      if (this.#sql.exec<{ received_at: number }>(sql, middle).one().received_at > receivedBy)
        high = middle - 1;
      else low = middle;
    }
    return low;
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
    const { id, caller, method, path, trace, receivedAt } = begun;
    const { sentAt, headAt } = execution.times;
    return {
      id,
      caller: callerName(caller),
      method,
      path,
      trace,
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

  /**
   * `null` where its time has ended. A row that says `running`, with nobody running it, could not be ended in
   * any other way.
   */
  #ended(row: ViewRow, now: number): ExecutionView | null {
    if (row.expires_at <= now) return null;
    const state = row.state === 'completed' ? 'completed' : 'unknown';
    return {
      id: row.id,
      caller: callerName(row.caller),
      method: row.method,
      path: row.path,
      trace: row.trace,
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

const ALL_SEEN: ListPart = { executions: [], lookedTo: null };

function positionOf({ receivedAt, id }: Position): Position {
  return { receivedAt, id };
}

/** Whether an execution that runs matches. It has no status yet. */
function begins(begun: Begun, filter: ListFilter): boolean {
  const { keyHash, status, method, path, caller, from, to } = filter;
  return (
    (keyHash ?? begun.keyHash) === begun.keyHash &&
    (status ?? null) === null &&
    (method ?? begun.method) === begun.method &&
    begun.path.startsWith(path ?? '') &&
    (caller ?? callerName(begun.caller)) === callerName(begun.caller) &&
    begun.receivedAt >= (from ?? 0) &&
    begun.receivedAt < (to ?? Number.POSITIVE_INFINITY)
  );
}

/** Whether a row matches, as SQL; and what stands for its question marks. */
function matching(filter: ListFilter, state: string | null): [sql: string, values: SqlStorageValue[]] {
  const { keyHash, status, method, path, caller, from, to } = filter;
  const conditions: [sql: string, ...values: SqlStorageValue[]][] = [];
  if (state === 'completed') conditions.push([`e.state = 'completed'`]);
  if (typeof keyHash === 'string') conditions.push(['e.key_hash = ?', keyHash]);
  if (typeof status === 'number') conditions.push(['e.status IS ?', status]);
  if (typeof method === 'string') conditions.push(['e.method IS ?', method]);
  if (typeof path === 'string') conditions.push(['coalesce(substr(e.path, 1, ?) = ?, 0)', path.length, path]);
  if (typeof caller === 'string')
    conditions.push(['substr(e.caller, 1, 3) IN (?, ?, ?, ?)', ...digestStarts(caller)]);
  if (typeof from === 'number') conditions.push(['e.received_at >= ?', from]);
  if (typeof to === 'number') conditions.push(['e.received_at < ?', to]);
  const sql = conditions.map(([condition]) => condition).join(' AND ');
  return [sql === '' ? '1' : sql, conditions.flatMap(([, ...values]) => values)];
}

const SELECT = `
  SELECT e.seq, e.id, e.caller, e.method, e.path, e.trace, e.state, e.cause, e.place, e.status, e.size, e.received_at, e.sent_at,
    e.head_at, e.completed_at, e.archived_at, e.unarchived, e.expires_at, ${repeatColumns('r')}`;

const FROM = 'FROM executions e LEFT JOIN repeats r ON r.seq = e.seq';
const FROM_UNKNOWN = FROM.replace('executions e', 'executions e INDEXED BY unknown_outcomes');

type ViewRow = RepeatsRow & {
  seq: number;
  id: string;
  caller: string;
  method: string | null;
  path: string | null;
  trace: string | null;
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
