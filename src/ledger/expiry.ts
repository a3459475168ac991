/** @module Removes rows that are past their TTL. Runs in: the ledger object. */

import type { Removal } from './removal.ts';
import type { Row } from './store/row.ts';
import type { Rows } from './store/rows.ts';
import { RETRY_MS, SWEEP_ROWS, soonest } from './sweep-pace.ts';

/**
 * How often the patrol looks at another part of the rows, of SWEEP_ROWS each: to come round to all takes it
 * once per part.
 */
const PATROL_MS = 600_000;

/**
 * Removes the rows that are past their TTL. Rows are numbered as they begin and most live as long, so it goes
 * from the oldest on up to the first that lives. A TTL that was changed leaves some that end before older
 * ones: a patrol finds those.
 */
export class Expiry {
  readonly #rows: Rows;
  readonly #removal: Removal;
  readonly #mayGo: (row: Row) => boolean;
  /** What the latest patrol found, and what it did not see. */
  #patrol = { nextAt: 0, firstEnd: null as number | null, sawAll: false, upTo: 0 };

  /** `mayGo` says whether nobody needs a row any more that is past its TTL. */
  constructor(rows: Rows, removal: Removal, mayGo: (row: Row) => boolean) {
    this.#rows = rows;
    this.#removal = removal;
    this.#mayGo = mayGo;
  }

  /** Returns when there is the next row to remove; `null` where there is no row. */
  expire(now: number): number | null {
    let next: number | null = null;
    let seen = 0;
    for (const row of this.#rows.from(0)) {
      if (row.expiresAt > now) return soonest(soonest(next, row.expiresAt), this.#onPatrol(row.seq, now));
      if (seen === SWEEP_ROWS) return now;
      seen += 1;
      if (!this.#remove(row)) next = now + RETRY_MS;
    }
    return next;
  }

  /** Looks at some rows from the oldest on, at others each time. Returns when that is to be done again. */
  #onPatrol(oldest: number, now: number): number | null {
    const { nextAt, firstEnd } = this.#patrol;
    if (now >= nextAt || (firstEnd !== null && firstEnd <= now)) this.#goOnPatrol(oldest, now);
    const { sawAll, upTo } = this.#patrol;
    const unseen = !sawAll || upTo < this.#rows.nextSeq;
    return unseen ? soonest(this.#patrol.firstEnd, this.#patrol.nextAt) : this.#patrol.firstEnd;
  }

  #goOnPatrol(oldest: number, now: number): void {
    const upTo = this.#rows.nextSeq;
    // By the clock, so that nothing has to be remembered.
    const rounds = Math.ceil((upTo - oldest) / SWEEP_ROWS);
    const from = oldest + (Math.floor(now / PATROL_MS) % rounds) * SWEEP_ROWS;
    let firstEnd: number | null = null;
    let seen = 0;
    for (const row of this.#rows.from(from)) {
      if (seen === SWEEP_ROWS) break;
      seen += 1;
      if (row.expiresAt > now) firstEnd = soonest(firstEnd, row.expiresAt);
      else if (!this.#remove(row)) firstEnd = soonest(firstEnd, now + RETRY_MS);
    }
    this.#patrol = { nextAt: now + PATROL_MS, firstEnd, sawAll: rounds === 1, upTo };
  }

  #remove(row: Row): boolean {
    if (!this.#mayGo(row)) return false;
    this.#removal.remove(row);
    return true;
  }
}
