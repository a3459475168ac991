import type { Config } from '../config.ts';
import { settlesWithin } from '../deadline.ts';
import { log, textOf } from '../log.ts';
import { Archive } from './archive.ts';
import { Cooling } from './cooling.ts';
import { Expiry } from './expiry.ts';
import { Holds } from './store/holds.ts';
import type { Marks } from './store/marks.ts';
import type { Row, Rows } from './store/rows.ts';
import type { StorageRoom } from './store/storage-room.ts';
import { RETRY_MS, soonest } from './sweep-pace.ts';

/** Alarms come no closer together than this, so that requests get through. */
const MIN_ALARM_GAP_MS = 1_000;
/** What falls due waits for this long after a sweep, so that the next one serves many results: each alarm costs two rows. */
const SWEEP_GAP_MS = 5_000;
/**
 * What is known in memory only is written down this soon. The runtime may put an idle object away after ten seconds, and its
 * memory with it.
 */
const WRITE_DOWN_WITHIN_MS = 8_000;
/** How long an alarm waits for what goes to RESULTS late, which then goes on without it. */
const CATCH_UP_MAX_MS = 5_000;

/**
 * What becomes of a result after it is recorded: it goes to RESULTS at once, in the background; its body leaves the
 * ledger when it is no longer hot and RESULTS has it; its row goes at the end of its TTL. One alarm drives all that is not
 * done at once. What is due the rows say, so every alarm looks, and none is postponed by what is not known any more.
 */
export class Sweeper {
  readonly archive: Archive;
  readonly holds = new Holds();
  readonly #ctx: DurableObjectState;
  readonly #rows: Rows;
  readonly #storage: StorageRoom;
  readonly #cooling: Cooling;
  readonly #expiry: Expiry;
  #alarmAt: number | null = null;

  constructor(
    ctx: DurableObjectState,
    rows: Rows,
    storage: StorageRoom,
    config: () => Config,
    isLive: (id: string) => boolean,
  ) {
    this.#ctx = ctx;
    this.#rows = rows;
    this.#storage = storage;
    this.archive = new Archive(ctx, rows, () => config().results, {
      arrived: (seq, late) => {
        const at = late || storage.isPressed ? this.#cooling.look(seq, Date.now()) : null;
        if (at !== null) this.wakeBy(at);
      },
      markMoved: () => this.writeDownSoon(),
      tryAgain: () => this.wakeBy(Date.now() + RETRY_MS),
    });
    this.#cooling = new Cooling(rows, storage, () => config().hotSeconds * 1000, {
      isLive,
      isNeeded: ({ seq, unarchived }) => unarchived || this.holds.has(seq) || this.archive.lacks(seq),
    });
    this.#expiry = new Expiry(rows, (row) => !isLive(row.id) && !this.holds.has(row.seq));
  }

  /**
   * Takes over from an earlier life of the object. To be awaited before anything else. Returns how many runs its end has
   * cut off.
   */
  async start(marks: Marks): Promise<number> {
    this.archive.start(marks.archivedBefore);
    this.#cooling.start(marks.coolFrom);
    this.#alarmAt = await this.#ctx.storage.getAlarm();
    const cutOff = this.#rows.settleCutOff(marks);
    // An alarm that failed too often is gone; what it was for is not.
    const lost = this.#alarmAt === null && !this.#rows.isEmpty;
    if (lost || this.#rows.unarchived(1).length > 0) this.wakeBy(Date.now());
    return cutOff;
  }

  /** The alarm is to come by `atMs`. Costs a write only where none comes before that. */
  wakeBy(atMs: number): void {
    if (this.#alarmAt !== null && this.#alarmAt <= atMs + MIN_ALARM_GAP_MS) return;
    this.#alarmAt = Math.max(atMs, Date.now() + MIN_ALARM_GAP_MS);
    this.#ctx.storage.setAlarm(this.#alarmAt, { allowUnconfirmed: true }).catch((error) => {
      this.#alarmAt = null;
      log('error', 'alarm-not-set', { reason: textOf(error) });
    });
  }

  /** There is something in memory that is to be written down, which the next alarm does. */
  writeDownSoon(): void {
    this.wakeBy(Date.now() + WRITE_DOWN_WITHIN_MS);
  }

  /**
   * What an alarm is for: does what is due, has `writeDown` write down how far that came, and sets the alarm for what comes
   * next. Never rejects: an alarm that throws is soon given up.
   */
  async alarm(writeDown: (now: number, marks: Marks) => void): Promise<void> {
    this.#alarmAt = null;
    const now = Date.now();
    // Each by itself: where there is no room to write, rows can be removed still.
    const next = [
      attempt('expire', now, () => this.#expiry.expire(now)),
      attempt('cool', now, () => this.#cooling.cool(now)),
      attempt('note what RESULTS lacks', now, () => {
        this.archive.noteFailed();
        return null;
      }),
      attempt('write down', now, () => {
        writeDown(now, this.#marks(now));
        return null;
      }),
      this.#storage.isPressed ? now + RETRY_MS : null,
    ].reduce(soonest);
    if (next !== null) this.wakeBy(next <= now ? now : Math.max(next, now + SWEEP_GAP_MS));
    this.#reportRoom();
    const caughtUp = this.archive.catchUp(now);
    this.#ctx.waitUntil(caughtUp);
    await settlesWithin(caughtUp, CATCH_UP_MAX_MS);
  }

  /**
   * Forgets an ended execution, in RESULTS first and then here, so that nothing is left where one of them fails. A result
   * of the same key that comes meanwhile is put into RESULTS after this one is gone from there. Rejects where RESULTS is
   * out of reach; the execution is still known then.
   */
  async forget(row: Row): Promise<void> {
    if (row.state === 'completed' && row.place !== 'ledger-alone') await this.archive.remove(row);
    // It may have ended meanwhile, and another taken its place.
    const now = this.#rows.find(row.id);
    if (now?.seq === row.seq) this.makeWay(now);
  }

  /** An ended execution makes way for a new one; what somebody still reads of it stays until a sweep after that. */
  makeWay(row: Row): void {
    if (this.holds.has(row.seq)) this.#rows.rename(row.seq);
    else this.#rows.remove(row);
  }

  #reportRoom(): void {
    const { usedBytes, isFull, isPressed } = this.#storage;
    if (isFull) log('error', 'ledger-full', { usedBytes });
    else if (isPressed) log('warn', 'ledger-pressed', { usedBytes });
  }

  #marks(now: number): Marks {
    return { coolFrom: this.#cooling.coolFrom, archivedBefore: this.archive.mark(now) };
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
