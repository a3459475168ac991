/** @module What is written down before a request is sent. Runs in: the ledger object. */

import type { Policy, RunTimes, UnknownCause } from '../../protocol.ts';
import type { Removal } from '../removal.ts';
import type { Begun, Row } from '../store/row.ts';
import type { Rows } from '../store/rows.ts';

/**
 * What is written down of a run before its request is sent. Only under `refuse` is that anything: there, a
 * crash must not lead to a second run, so the row that it leaves says that the outcome is unknown. Under
 * `retry` a crash leads to «run it again», with such a row as without it, so the run is in memory alone, and
 * its result is all that is ever written.
 */
export interface Intent {
  /** Resolves when the request may leave; `null`: at once. */
  readonly durable: Promise<void> | null;
  /**
   * To be called with the write of the result, which takes the place of whatever the ledger knew under this
   * id.
   */
  replace(): void;
  /** The run failed, and leaves nothing. */
  failed(): void;
  /** Whether the upstream acted on the request is not known. */
  unknown(cause: UnknownCause, expiresAt: number, times: RunTimes): void;
}

/** Where intents are written. */
export interface IntentParts {
  readonly rows: Rows;
  readonly removal: Removal;
  /** Resolves when everything written so far is durable. */
  readonly sync: () => Promise<void>;
}

/**
 * The intent of a run that begins now. `replaces`: the row that no longer counts. Throws where it cannot be
 * written.
 */
export function intentOf(
  parts: IntentParts,
  begun: Begun,
  replaces: Row | null,
  { unknownOutcome, ttlMs }: Pick<Policy, 'unknownOutcome' | 'ttlMs'>,
): Intent {
  return unknownOutcome === 'refuse'
    ? written(parts, begun, replaces, ttlMs)
    : unwritten(parts, begun, replaces);
}

function written(
  { rows, removal, sync }: IntentParts,
  begun: Begun,
  replaces: Row | null,
  ttlMs: number,
): Intent {
  if (replaces !== null) removal.makeWay(replaces);
  rows.intend(begun, begun.receivedAt + ttlMs);
  return {
    durable: sync(),
    replace: () => {},
    failed: () => rows.remove(begun.seq),
    unknown: (cause, expiresAt, times) => rows.markUnknown(begun.seq, cause, expiresAt, times),
  };
}

function unwritten({ rows, removal }: IntentParts, begun: Begun, replaces: Row | null): Intent {
  return {
    durable: null,
    replace: () => {
      // It may have been swept meanwhile.
      const row = replaces === null ? null : rows.find(begun.id);
      if (row !== null) removal.makeWay(row);
    },
    failed: () => {},
    unknown: () => {},
  };
}
