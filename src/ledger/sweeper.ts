/**
 * @module What becomes of results after they are recorded, driven by one alarm. Runs in: the ledger object.
 */

import { settlesWithin } from '../deadline.ts';
import { log, textOf } from '../log.ts';
import type { Alarm } from './alarm.ts';
import type { Archive } from './archive.ts';
import { Cooling } from './cooling.ts';
import { Expiry } from './expiry.ts';
import type { Removal } from './removal.ts';
import type { Holds } from './store/holds.ts';
import type { Marks } from './store/marks.ts';
import type { Pieces } from './store/pieces.ts';
import type { Row } from './store/row.ts';
import type { Rows } from './store/rows.ts';
import type { StorageRoom } from './store/storage-room.ts';
import { RETRY_MS, soonest } from './sweep-pace.ts';

/**
 * What falls due waits for this long after a sweep, so that the next one serves many results: each alarm
 * costs two rows.
 */
const SWEEP_GAP_MS = 5_000;
/** How long an alarm waits for what goes to RESULTS late, which then goes on without it. */
const CATCH_UP_MAX_MS = 5_000;

/** What sweeping takes from the object. */
export interface SweeperParts {
  readonly ctx: DurableObjectState;
  readonly alarm: Alarm;
  readonly rows: Rows;
  readonly pieces: Pieces;
  readonly holds: Holds;
  readonly removal: Removal;
  readonly archive: Archive;
  readonly storage: StorageRoom;
  readonly runs: {
    has(id: string): boolean;
    /** No execution that runs has a number before this one. */
    readonly firstSeq: number;
  };
}

/**
 * What becomes of a result after it is recorded: it goes to RESULTS at once, in the background; a large body
 * leaves the ledger when it is no longer hot and RESULTS has it; the row goes at the end of its TTL. One
 * alarm drives all that is not done at once. What is due the rows say, so every alarm looks, and none is
 * postponed by what is not known any more.
 */
export class Sweeper {
  readonly #parts: SweeperParts;
  readonly #cooling: Cooling;
  readonly #expiry: Expiry;

  constructor(parts: SweeperParts) {
    const { rows, removal, storage, holds, archive, runs } = parts;
    this.#parts = parts;
    this.#cooling = new Cooling(
      rows,
      removal,
      storage,
      ({ seq, unarchived }) =>
        unarchived || holds.has(seq) || archive.lacks(seq) || archive.isForgetting(seq),
    );
    this.#expiry = new Expiry(rows, removal, ({ id, seq }) => !runs.has(id) && !holds.has(seq));
  }

  /**
   * Takes over from an earlier life of the object. To be awaited before anything else. Returns how many runs
   * its end has cut off.
   */
  async start(marks: Marks): Promise<number> {
    const { alarm, archive, pieces, rows } = this.#parts;
    archive.start(marks.archivedBefore);
    const isSet = await alarm.start();
    const cutOff = rows.settleCutOff(marks);
    pieces.removeAbandoned();
    // An alarm that failed too often is gone; what it was for is not.
    const lost = !isSet && !rows.isEmpty;
    if (lost || rows.unarchived(1).length > 0) alarm.wakeBy(Date.now());
    return cutOff;
  }

  /**
   * What an alarm is for: does what is due, has `writeDown` write down how far that came, and sets the alarm
   * for what comes next. Never rejects: an alarm that throws is soon given up.
   */
  async sweep(writeDown: (now: number, marks: Marks) => void): Promise<void> {
    const { ctx, alarm, archive, storage } = this.#parts;
    alarm.ring();
    const now = Date.now();
    // Each by itself: where there is no room to write, rows can be removed still.
    const next = [
      attempt('expire', now, () => this.#expiry.expire(now)),
      attempt('cool', now, () => this.#cooling.cool(now)),
      attempt('note what RESULTS lacks', now, () => {
        archive.noteFailed();
        return null;
      }),
      attempt('write down', now, () => {
        writeDown(now, this.#marks(now));
        return null;
      }),
      storage.isPressed ? now + RETRY_MS : null,
    ].reduce(soonest);
    if (next !== null) alarm.wakeBy(next <= now ? now : Math.max(next, now + SWEEP_GAP_MS));
    this.#reportRoom();
    const caughtUp = archive.catchUp(now);
    ctx.waitUntil(caughtUp);
    await settlesWithin(caughtUp, CATCH_UP_MAX_MS);
  }

  /**
   * Forgets an ended execution, in RESULTS first and then here, so that nothing is left where one of them
   * fails. Rejects where RESULTS is out of reach; the execution is still known then.
   */
  async forget(row: Row): Promise<void> {
    const { archive, removal, rows } = this.#parts;
    const goesToResults = row.state === 'completed' && (row.place === 'ledger' || row.place === 'results');
    if (goesToResults) await archive.remove(row);
    // It may have ended meanwhile, and another taken its place.
    const now = rows.find(row.id);
    if (now?.seq === row.seq) removal.makeWay(now);
  }

  #reportRoom(): void {
    const { usedBytes, isFull, isPressed } = this.#parts.storage;
    if (isFull) log('error', 'ledger-full', { usedBytes });
    else if (isPressed) log('warn', 'ledger-pressed', { usedBytes });
  }

  #marks(now: number): Marks {
    const { archive, rows, runs } = this.#parts;
    return {
      openFrom: Math.min(runs.firstSeq, archive.firstLacking, rows.nextSeq),
      archivedBefore: archive.mark(now),
    };
  }
}

/** Returns when `job` is to be done next. One that fails is tried again. */
function attempt(what: string, now: number, job: () => number | null): number | null {
  try {
    return job();
  } catch (error) {
    log('error', 'sweep-failed', { what, reason: textOf(error) });
    return now + RETRY_MS;
  }
}
