/** @module The tables. Runs in: the ledger object. */

import { addMissingColumns } from './columns.ts';

/** By what an operator knows a request again. */
const LABELS = { method: 'TEXT', path: 'TEXT', trace: 'TEXT' } as const;

/**
 * The tables of executions and their bodies. What changes often is not beside what is large: to change a
 * column is to write the whole row anew, with the last piece of its body in it.
 */
export function createTables(sql: SqlStorage): void {
  sql.exec(`
    CREATE TABLE IF NOT EXISTS executions (
      -- Numbered as they begin, whenever they are written.
      seq INTEGER PRIMARY KEY,
      id TEXT NOT NULL UNIQUE,
      caller TEXT NOT NULL,
      fingerprint TEXT NOT NULL,
      state TEXT NOT NULL,
      place TEXT,
      received_at INTEGER NOT NULL,
      completed_at INTEGER,
      expires_at INTEGER NOT NULL,
      size INTEGER,
      key_hash TEXT NOT NULL,
      cause TEXT,
      status INTEGER,
      sent_at INTEGER,
      head_at INTEGER,
      -- When RESULTS had it, if that was later than at once.
      archived_at INTEGER,
      -- 1 where RESULTS does not have what by Marks.archivedBefore it has. Few do, so their index costs nothing.
      unarchived INTEGER,
      -- From when on its body may leave. Only bodies of several pieces have one, so its index costs the others nothing.
      cool_at INTEGER,
      -- By these an operator knows the request again: see RequestLabels.
      ${Object.entries(LABELS)
        .map(([name, type]) => `${name} ${type},`)
        .join(' ')}
      preamble BLOB,
      rest BLOB
    ) STRICT;
    CREATE INDEX IF NOT EXISTS unknown_outcomes ON executions (seq) WHERE state = 'unknown';
    CREATE INDEX IF NOT EXISTS unarchived_results ON executions (seq) WHERE unarchived = 1;
    CREATE INDEX IF NOT EXISTS bodies_to_cool ON executions (cool_at) WHERE cool_at IS NOT NULL AND unarchived IS NULL;
    CREATE TABLE IF NOT EXISTS pieces (
      seq INTEGER NOT NULL,
      n INTEGER NOT NULL,
      bytes BLOB NOT NULL,
      PRIMARY KEY (seq, n)
    ) STRICT;
  `);
  addMissingColumns(sql, 'executions', LABELS);
}
