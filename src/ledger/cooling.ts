import type { CompletedRow, Row, Rows } from './store/rows.ts';
import type { StorageRoom } from './store/storage-room.ts';
import { RETRY_MS, SWEEP_ROWS, soonest } from './sweep-pace.ts';

/** So many rows are passed by and remembered. Where there are more, what comes after them waits. */
const PASSED_MAX = 10_000;
/** So many rows are looked at to find out when the next body is due. */
const LOOK_AHEAD_ROWS = 32;
/** A row with a run under way is looked at with every sweep: the run's end brings one. */
const EVERY_SWEEP = 0;

/** What else has to be known of a row before its body goes. */
export interface CoolingChecks {
  /** The execution runs. */
  isLive(id: string): boolean;
  /** Its body is read, or is not in RESULTS yet. */
  isNeeded(row: CompletedRow): boolean;
}

/**
 * Drops the bodies that are no longer hot and that RESULTS has, or hot ones too where the object has little room.
 *
 * Rows are numbered as they begin, so it goes from the oldest on, once. A row whose time has not come when its neighbours' has,
 * because its run is long, or its body is read or not in RESULTS yet, is passed by and looked at again; it holds up no other.
 */
export class Cooling {
  readonly #rows: Rows;
  readonly #storage: StorageRoom;
  readonly #hotMs: () => number;
  readonly #checks: CoolingChecks;
  #from = 0;
  /** Rows that were passed by: number → when to look at them again. */
  readonly #passed = new Map<number, number>();

  constructor(rows: Rows, storage: StorageRoom, hotMs: () => number, checks: CoolingChecks) {
    this.#rows = rows;
    this.#storage = storage;
    this.#hotMs = hotMs;
    this.#checks = checks;
  }

  start(coolFrom: number): void {
    this.#from = coolFrom;
  }

  /** See {@link Marks}. */
  get coolFrom(): number {
    let first = this.#from;
    for (const seq of this.#passed.keys()) first = Math.min(first, seq);
    return first;
  }

  /** Returns when there is the next body to drop; `null` where there is none. */
  cool(now: number): number | null {
    return soonest(this.#coolPassed(now), this.#coolNext(now));
  }

  /** Looks at a row whose result has come to RESULTS late, or while there is little room. Returns as {@link cool} does. */
  look(seq: number, now: number): number | null {
    const row = this.#rows.at(seq);
    if (row === null) return null;
    return seq < this.#from ? this.#coolOrPass(row, now) : this.#cool(row, now);
  }

  #coolPassed(now: number): number | null {
    let next: number | null = null;
    for (const [seq, at] of this.#passed) {
      if (at > now && !this.#storage.isPressed) {
        next = soonest(next, at);
        continue;
      }
      const row = this.#rows.at(seq);
      if (row === null) this.#passed.delete(seq);
      else next = soonest(next, this.#coolOrPass(row, now));
    }
    return next;
  }

  #coolNext(now: number): number | null {
    const hotMs = this.#hotMs();
    let next: number | null = null;
    let seen = 0;
    for (const row of this.#rows.from(this.#from)) {
      if (row.receivedAt + hotMs > now && !this.#storage.isPressed)
        return soonest(next, this.#firstDue(row.seq));
      if (seen === SWEEP_ROWS) return now;
      if (this.#passed.size === PASSED_MAX) return now + RETRY_MS;
      seen += 1;
      this.#from = row.seq + 1;
      next = soonest(next, this.#coolOrPass(row, now));
    }
    return next;
  }

  /** When the first body is due from this row on, or a little sooner where there are many. */
  #firstDue(seq: number): number | null {
    const hotMs = this.#hotMs();
    let first: number | null = null;
    let seen = 0;
    for (const row of this.#rows.from(seq)) {
      // Whatever began later than this one is not due before that.
      const hotUntil = row.receivedAt + hotMs;
      if (first !== null && hotUntil >= first) return first;
      if (seen === LOOK_AHEAD_ROWS) return hotUntil;
      seen += 1;
      if (row.state === 'completed' && row.place === 'ledger')
        first = soonest(first, row.completedAt + hotMs);
    }
    return first;
  }

  /** Returns when a sweep has to come for this row; `null` where it need not. */
  #coolOrPass(row: Row, now: number): number | null {
    const at = this.#cool(row, now);
    if (at === null) this.#passed.delete(row.seq);
    else this.#passed.set(row.seq, at);
    return at === EVERY_SWEEP ? null : at;
  }

  /** Drops the body if it may go. Returns when to look at the row again; `null` where never. */
  #cool(row: Row, now: number): number | null {
    if (row.state === 'running') return this.#checks.isLive(row.id) ? EVERY_SWEEP : null;
    if (row.state !== 'completed' || row.place !== 'ledger' || row.expiresAt <= now) return null;
    const coolAt = row.completedAt + this.#hotMs();
    if (coolAt > now && !this.#storage.isPressed) return coolAt;
    if (this.#checks.isNeeded(row)) return now + RETRY_MS;
    this.#rows.dropBody(row);
    return null;
  }
}
