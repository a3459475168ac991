/** @module What a row of the table of executions says, as a value. Runs in: the ledger object. */

import { PLACES, type Place, type RunTimes } from '../../protocol.ts';
import type { RequestLabels } from '../../request/labels.ts';

interface CommonRow {
  /** Rows are numbered in the order in which their executions began. */
  readonly seq: number;
  readonly id: string;
  /** A digest of the caller's credentials. */
  readonly caller: string;
  readonly fingerprint: string;
  /** Milliseconds since the epoch, here and below. */
  readonly receivedAt: number;
  readonly expiresAt: number;
}

/**
 * A `running` row says that the request was about to be sent. Where nobody runs it any more, its outcome is
 * unknown.
 */
export type Row = (CommonRow & { readonly state: 'running' | 'unknown' }) | CompletedRow;

/** A row whose run came to its end. */
export interface CompletedRow extends CommonRow {
  readonly state: 'completed';
  readonly place: Place;
  readonly completedAt: number;
  /** The body's size in bytes. */
  readonly size: number;
  /** RESULTS does not have it, though it has what was completed about then. */
  readonly unarchived: boolean;
  /** What was read of its record along with the row. */
  readonly parts: StoredParts | null;
}

/** What a completed row holds of a record: all but the full pieces of its body. Sealed. */
export interface StoredParts {
  readonly preamble: Uint8Array;
  /** The last piece of the body; empty where there is no body. */
  readonly rest: Uint8Array;
}

/** An execution from its beginning on. */
export interface Begun extends Omit<CommonRow, 'expiresAt'>, RequestLabels {
  readonly keyHash: string;
}

/** How a run ended that came to its end. */
export interface Completion {
  readonly completedAt: number;
  readonly expiresAt: number;
  readonly size: number;
  readonly status: number;
  readonly times: RunTimes;
  /** Where the body is; and, where it is here, the record. */
  readonly result:
    | { readonly place: 'nowhere' | 'elsewhere' }
    | {
        readonly place: 'ledger' | 'ledger-alone';
        readonly record: StoredParts;
        readonly unarchived: boolean;
        /** From when on the body may leave; `null`: it stays to its end. */
        readonly coolAt: number | null;
      };
}

/**
 * A record of such a body is read along with its row: whoever looks for one most often wants to replay it.
 */
const READ_ALONG_MAX_BYTES = 64 * 1024;

/** The columns that make a {@link Row}. */
export const COLUMNS =
  'seq, id, caller, fingerprint, state, place, received_at, completed_at, expires_at, size, unarchived';

/** The same, with the record where it is small. */
export const COLUMNS_AND_RECORD = `${COLUMNS},
  CASE WHEN size <= ${READ_ALONG_MAX_BYTES} THEN preamble END AS preamble,
  CASE WHEN size <= ${READ_ALONG_MAX_BYTES} THEN rest END AS rest`;

/** A row as SQLite gives it. */
export type SqlRow = {
  seq: number;
  id: string;
  caller: string;
  fingerprint: string;
  state: string;
  place: string | null;
  received_at: number;
  completed_at: number | null;
  expires_at: number;
  size: number | null;
  unarchived: number | null;
  preamble?: ArrayBuffer | null;
  rest?: ArrayBuffer | null;
};

/** The value of a row. */
export function toRow(row: SqlRow): Row {
  const common = {
    seq: row.seq,
    id: row.id,
    caller: row.caller,
    fingerprint: row.fingerprint,
    receivedAt: row.received_at,
    expiresAt: row.expires_at,
  };
  if (row.state !== 'completed') return { ...common, state: row.state === 'running' ? 'running' : 'unknown' };
  return {
    ...common,
    state: 'completed',
    place: PLACES.find((place) => place === row.place) ?? 'nowhere',
    completedAt: row.completed_at ?? row.received_at,
    size: row.size ?? 0,
    unarchived: row.unarchived === 1,
    parts: partsOf(row),
  };
}

/** Whether the run came to its end. */
export function isCompleted(row: Row): row is CompletedRow {
  return row.state === 'completed';
}

function partsOf({ preamble, rest }: SqlRow): StoredParts | null {
  if (!(preamble instanceof ArrayBuffer) || !(rest instanceof ArrayBuffer)) return null;
  return { preamble: new Uint8Array(preamble), rest: new Uint8Array(rest) };
}
