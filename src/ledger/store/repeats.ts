/**
 * @module The requests that came for each execution after the first: counted in memory, and written down
 * beside its row. Runs in: the ledger object.
 */

import { REPEAT_REFUSALS, type RepeatRefusal, type Repeats } from '../../protocol.ts';
import { addMissingColumns, countColumns } from './columns.ts';

const KINDS = ['replays', 'joins', ...REPEAT_REFUSALS] as const;

/** What became of a request after the first. */
export type RepeatKind = (typeof KINDS)[number];

type Pending = Record<RepeatKind, number> & { lastAt: number };

function columnOf(kind: RepeatKind): string {
  return kind.replaceAll('-', '_');
}

const COLUMNS = KINDS.map(columnOf);

/** The columns of a listing that {@link RepeatCounts.of} reads, of the table under this name. */
export function repeatColumns(table: string): string {
  return [...COLUMNS, 'last_at'].map((column) => `${table}.${column}`).join(', ');
}

/** A row of the table; all `null` where there is none. */
export type RepeatsRow = Record<string, SqlStorageValue>;

const UPSERT = `
  INSERT INTO repeats (seq, ${COLUMNS.join(', ')}, last_at)
  SELECT seq, ${COLUMNS.map(() => '?').join(', ')}, ? FROM executions WHERE id = ?
  ON CONFLICT (seq) DO UPDATE SET
    ${COLUMNS.map((column) => `${column} = ${column} + excluded.${column}`).join(', ')},
    last_at = excluded.last_at`;

/** Beside the executions, not among them: to change a row there would write its body anew. */
export class RepeatCounts {
  readonly #sql: SqlStorage;
  readonly #pending = new Map<string, Pending>();

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(`
      CREATE TABLE IF NOT EXISTS repeats (
        seq INTEGER PRIMARY KEY,
        ${COLUMNS.map((column) => `${column} INTEGER NOT NULL`).join(', ')},
        last_at INTEGER NOT NULL
      ) STRICT;
    `);
    addMissingColumns(sql, 'repeats', countColumns(COLUMNS));
  }

  add(id: string, kind: RepeatKind, times = 1): void {
    const counts = this.#pending.get(id) ?? none();
    counts[kind] += times;
    counts.lastAt = Date.now();
    this.#pending.set(id, counts);
  }

  /** What was counted of an earlier execution with this id is not the next one's. */
  forget(id: string): void {
    this.#pending.delete(id);
  }

  /**
   * Writes down what was counted. What runs has no row yet, or one that is soon written anyway, so that
   * waits.
   */
  flush(isRunning: (id: string) => boolean): void {
    for (const [id, counts] of this.#pending) {
      if (isRunning(id)) continue;
      this.#sql.exec(UPSERT, ...KINDS.map((kind) => counts[kind]), counts.lastAt, id);
      this.#pending.delete(id);
    }
  }

  /** What an execution's row says, and what is not written down yet. */
  of(id: string, row: RepeatsRow): Repeats {
    const pending = this.#pending.get(id) ?? none();
    const count = (kind: RepeatKind) => Number(row[columnOf(kind)] ?? 0) + pending[kind];
    const refusals = Object.fromEntries(REPEAT_REFUSALS.map((kind) => [kind, count(kind)]));
    const lastAt = pending.lastAt > 0 ? pending.lastAt : row.last_at;
    return {
      replays: count('replays'),
      joins: count('joins'),
      refusals: refusals as Record<RepeatRefusal, number>,
      lastAt: typeof lastAt === 'number' ? lastAt : null,
    };
  }
}

function none(): Pending {
  const counts = Object.fromEntries(KINDS.map((kind) => [kind, 0])) as Record<RepeatKind, number>;
  return { ...counts, lastAt: 0 };
}
