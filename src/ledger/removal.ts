/** @module How an execution leaves the ledger. Runs in: the ledger object. */

import type { Holds } from './store/holds.ts';
import type { Pieces } from './store/pieces.ts';
import type { CompletedRow, Row } from './store/row.ts';
import type { Rows } from './store/rows.ts';
import type { CallerUsage } from './usage.ts';

/**
 * How an execution leaves the ledger, or its body: rows, pieces, and what counts as its caller's, together.
 */
export class Removal {
  readonly #rows: Rows;
  readonly #pieces: Pieces;
  readonly #holds: Holds;
  readonly #usage: CallerUsage;

  constructor(rows: Rows, pieces: Pieces, holds: Holds, usage: CallerUsage) {
    this.#rows = rows;
    this.#pieces = pieces;
    this.#holds = holds;
    this.#usage = usage;
  }

  /**
   * An ended execution makes way for a new one; what somebody still reads of it stays until a sweep after
   * that.
   */
  makeWay(row: Row): void {
    if (this.#holds.has(row.seq)) this.#rows.rename(row.seq);
    else this.remove(row);
  }

  /** Removes an execution, whatever its state. */
  remove(row: Row): void {
    this.#rows.remove(row.seq);
    if (row.state !== 'completed') return;
    const isHere = row.place === 'ledger' || row.place === 'ledger-alone';
    if (isHere) this.#pieces.remove(row.seq);
    this.#usage.removed(row.caller, isHere ? row.size : 0, row.completedAt);
  }

  /** Drops the body of a result that RESULTS has. */
  dropBody({ seq, caller, size, completedAt }: CompletedRow): void {
    this.#rows.dropBody(seq);
    this.#pieces.remove(seq);
    this.#usage.bodyRemoved(caller, size, completedAt);
  }
}
