import type { Config } from '../config.ts';
import { settlesWithin } from '../deadline.ts';
import { log, textOf } from '../log.ts';
import { piecesOf, sealedSize } from './record.ts';
import { putResult } from './results.ts';
import type { CompletedRow, Row, Rows, StoredParts } from './rows.ts';

/** Alarms come no closer together than this, so that one sweep serves many results. */
const MIN_ALARM_GAP_MS = 1_000;
const RETRY_MS = 30_000;
const PATROL_MS = 600_000;
/** Results written to KV at the same time. */
const KV_CONCURRENCY = 6;
/** KV that has gone silent must not hold up the sweep: it is KV that is out of reach. */
const KV_MAX_MS = 60_000;
/** Rows that one sweep removes, patrols, and takes the bodies of, before it lets requests through again. */
const SWEEP_ROWS = 1_000;

const COOL_FROM = 'coolFrom';

/** What has to be known of a result to put it into RESULTS. */
export type ArchivedResult = Pick<CompletedRow, 'seq' | 'id' | 'size' | 'expiresAt'>;

/**
 * What becomes of a result after it is recorded: it goes to RESULTS at once, in the background; its body leaves the
 * ledger when it is no longer hot and RESULTS has it; its row goes at the end of its TTL. One alarm drives the latter two.
 *
 * Rows are numbered as they begin and all live as long, so both are found by going from the oldest on.
 */
export class Sweeper {
  readonly #ctx: DurableObjectState;
  readonly #rows: Rows;
  readonly #config: () => Config;
  readonly #isLive: (id: string) => boolean;
  #alarmAt: number | null = null;
  /** Every row before this one has neither a body here nor a run. Kept across restarts, so that a start is short. */
  #coolFrom = 0;
  #patrolFrom = 0;
  /** When there is the next row to look at; `null` where that is not known. The alarm may come earlier. */
  #workAt: number | null = null;
  /** Results that RESULTS is known to have although their bodies are still here, and since when. */
  readonly #archived = new Map<number, number>();
  /** The latest put under way for each key, or the latest removal. It never rejects. */
  readonly #archiving = new Map<string, { readonly seq: number; readonly done: Promise<boolean> }>();
  /** How many readers each body has. */
  readonly #held = new Map<number, number>();
  /** Results that are being forgotten and must not be put into RESULTS again. */
  readonly #forgetting = new Set<number>();

  constructor(ctx: DurableObjectState, rows: Rows, config: () => Config, isLive: (id: string) => boolean) {
    this.#ctx = ctx;
    this.#rows = rows;
    this.#config = config;
    this.#isLive = isLive;
  }

  /**
   * Takes over from an earlier life of the object. To be awaited before anything else. Returns how many runs its end has
   * cut off.
   */
  async start(): Promise<number> {
    this.#alarmAt = await this.#ctx.storage.getAlarm();
    this.#coolFrom = this.#ctx.storage.kv.get<number>(COOL_FROM) ?? 0;
    // Where the newest rows are gone, their numbers are given again.
    if (this.#coolFrom > this.#rows.nextSeq) this.#setCoolFrom(this.#rows.nextSeq);
    // An alarm that failed too often is gone; what it was for is not.
    if (this.#alarmAt === null && this.#rows.nextSeq > 1) this.expectWork(Date.now());
    return this.#rows.settleCutOff(this.#coolFrom);
  }

  /** There will be a row to look at from `atMs` on. Costs a write only where no alarm comes before that. */
  expectWork(atMs: number): void {
    this.#workAt = soonest(this.#workAt, atMs);
    this.wakeBy(atMs);
  }

  /** The alarm is to come by `atMs`, whether or not there will be a row to look at. */
  wakeBy(atMs: number): void {
    if (this.#alarmAt !== null && this.#alarmAt <= atMs + MIN_ALARM_GAP_MS) return;
    this.#alarmAt = Math.max(atMs, Date.now() + MIN_ALARM_GAP_MS);
    this.#ctx.storage.setAlarm(this.#alarmAt, { allowUnconfirmed: true }).catch((error) => {
      this.#alarmAt = null;
      log('error', 'alarm-not-set', { reason: textOf(error) });
    });
  }

  /** Since when RESULTS is known to have this result; `null` where it is not known to. */
  archivedAt(seq: number): number | null {
    return this.#archived.get(seq) ?? null;
  }

  /**
   * Forgets an ended execution, in RESULTS first and then here, so that nothing is left where one of them fails. A result
   * of the same key that comes meanwhile is put into RESULTS after this one is gone from there. Rejects where RESULTS is
   * out of reach; the execution is still known then.
   */
  async forget(row: Row): Promise<void> {
    if (row.state === 'completed' && row.place !== 'ledger-alone') {
      this.#forgetting.add(row.seq);
      const gone = await this.#inTurn(row, () => this.#tryDelete(row.id));
      this.#forgetting.delete(row.seq);
      if (!gone) {
        // It may be gone all the same: the body stays here until it has been written again.
        this.#archived.delete(row.seq);
        throw new Error('the record cannot be removed from RESULTS');
      }
    }
    // It may have ended meanwhile, and another taken its place.
    const now = this.#rows.find(row.id);
    if (now?.seq === row.seq) this.makeWay(now);
  }

  /** Somebody reads this body, and it stays until the returned function is called. To call that again does nothing. */
  hold(seq: number): () => void {
    this.#held.set(seq, (this.#held.get(seq) ?? 0) + 1);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      const left = (this.#held.get(seq) ?? 1) - 1;
      if (left > 0) this.#held.set(seq, left);
      else this.#held.delete(seq);
    };
  }

  /** An ended execution makes way for a new one; what somebody still reads of it stays until a sweep after that. */
  makeWay(row: Row): void {
    if (this.#held.has(row.seq)) this.#rows.rename(row.seq);
    else this.#remove(row);
  }

  /**
   * Puts a recorded result into RESULTS, in the background. Should that fail, the sweep that cools it tries again. What
   * of the record is still in hand is not read back for it.
   */
  archive(result: ArchivedResult, record: StoredParts): void {
    this.#ctx.waitUntil(this.#put(result, record));
  }

  /** Does what is due, and sets the alarm for what comes next. Never rejects: an alarm that throws is soon given up. */
  async sweep(): Promise<void> {
    this.#alarmAt = null;
    const now = Date.now();
    if (this.#workAt !== null && this.#workAt > now) return this.wakeBy(this.#workAt);
    this.#workAt = null;
    let next: number | null;
    try {
      next = soonest(this.#expire(now), await this.#cool(now));
    } catch (error) {
      log('error', 'sweep-failed', { reason: textOf(error) });
      next = now + RETRY_MS;
    }
    if (next !== null) this.expectWork(next);
  }

  /**
   * Removes what is past its TTL: from the oldest row on up to the first that lives, and in a patrol that gets round to all
   * rows in time, as a TTL that was changed leaves some that end before older ones. Returns when the next row is due.
   */
  #expire(now: number): number | null {
    let next: number | null = null;
    let seen = 0;
    for (const row of this.#rows.from(0)) {
      if (row.expiresAt > now) {
        next = soonest(next, row.expiresAt);
        break;
      }
      if (!this.#removeIfOver(row, now)) next = now + RETRY_MS;
      seen += 1;
      if (seen === SWEEP_ROWS) return now;
    }
    if (next === null) return null;
    this.#patrol(now);
    return soonest(next, now + PATROL_MS);
  }

  #patrol(now: number): void {
    let seen = 0;
    for (const row of this.#rows.from(this.#patrolFrom)) {
      this.#removeIfOver(row, now);
      this.#patrolFrom = row.seq + 1;
      seen += 1;
      if (seen === SWEEP_ROWS) return;
    }
    this.#patrolFrom = 0;
  }

  /** Removes a row that is past its TTL, unless it runs or is read. */
  #removeIfOver(row: Row, now: number): boolean {
    if (row.expiresAt > now || this.#isLive(row.id) || this.#held.has(row.seq)) return false;
    this.#remove(row);
    return true;
  }

  #remove(row: Row): void {
    this.#rows.remove(row);
    this.#archived.delete(row.seq);
  }

  /** Drops the bodies that are no longer hot, each after RESULTS has it. Returns when the next one is due. */
  async #cool(now: number): Promise<number | null> {
    const hotMs = this.#config().hotSeconds * 1000;
    const due: CompletedRow[] = [];
    let next: number | null = null;
    let after = this.#coolFrom;
    let again: number | null = null;
    for (const row of this.#rows.from(this.#coolFrom)) {
      after = row.seq + 1;
      const coolAt = (row.state === 'completed' ? row.completedAt : row.receivedAt) + hotMs;
      // What is past its TTL is only waiting for its readers to be done.
      if (row.expiresAt <= now && !this.#isLive(row.id)) continue;
      if (row.state === 'completed' && row.place === 'ledger' && coolAt <= now) {
        due.push(row);
        if (due.length < SWEEP_ROWS) continue;
        next = now;
        break;
      }
      const hasBodyLater = row.state === 'completed' ? row.place === 'ledger' : this.#isLive(row.id);
      if (hasBodyLater || coolAt > now) {
        again ??= row.seq;
        // When a run will end nobody knows, so it is looked at now and then.
        next = soonest(next, coolAt > now ? coolAt : now + RETRY_MS);
      }
      // Whatever began later than this is younger still.
      if (row.receivedAt + hotMs > now) break;
    }
    const kept = await this.#drop(due);
    this.#setCoolFrom(Math.min(again ?? after, kept ?? after));
    return kept === null ? next : now + RETRY_MS;
  }

  #setCoolFrom(seq: number): void {
    if (seq !== this.#coolFrom) this.#ctx.storage.kv.put(COOL_FROM, seq);
    this.#coolFrom = seq;
  }

  /** Drops the bodies of these rows, oldest first. Returns the first row that has to keep its body for now. */
  async #drop(due: readonly CompletedRow[]): Promise<number | null> {
    let kept: number | null = null;
    for (let start = 0; start < due.length; start += KV_CONCURRENCY) {
      const batch = due.slice(start, start + KV_CONCURRENCY);
      const archived = await Promise.all(batch.map((row) => this.#archived.has(row.seq) || this.#put(row)));
      for (const [index, row] of batch.entries()) {
        if (archived[index] === true && !this.#held.has(row.seq)) {
          this.#rows.dropBody(row.seq, this.#archived.get(row.seq) ?? Date.now());
          this.#archived.delete(row.seq);
        } else {
          kept ??= row.seq;
        }
      }
      // Where KV is out of reach for all of them, it is out of reach for the rest: they wait for the next sweep.
      if (!archived.includes(true)) return kept;
    }
    return kept;
  }

  /**
   * Whether RESULTS has the result now. A put under way is shared; one of an earlier result of the same key is waited for,
   * so that it cannot overtake this one. A KV that has gone silent counts as out of reach, and keeps its turn.
   */
  #put(result: ArchivedResult, record?: StoredParts): Promise<boolean> {
    if (this.#forgetting.has(result.seq)) return Promise.resolve(false);
    const underWay = this.#archiving.get(result.id);
    if (underWay?.seq === result.seq) return soon(underWay.done);
    return this.#inTurn(result, () => this.#tryPut(result, record));
  }

  /** Runs after whatever is under way for the same key. `change` never rejects. */
  #inTurn({ id, seq }: Pick<Row, 'id' | 'seq'>, change: () => Promise<boolean>): Promise<boolean> {
    const before = this.#archiving.get(id)?.done ?? Promise.resolve(true);
    const done = before.then(change);
    const turn = { seq, done };
    this.#archiving.set(id, turn);
    void done.finally(() => {
      if (this.#archiving.get(id) === turn) this.#archiving.delete(id);
    });
    return soon(done);
  }

  async #tryPut({ seq, id, size, expiresAt }: ArchivedResult, inHand?: StoredParts): Promise<boolean> {
    try {
      const { preamble, rest } = inHand ?? this.#rows.record(seq);
      await putResult(this.#config().results, id, {
        preamble,
        sealedBytes: sealedSize(size),
        pieces: () => this.#sealedPieces(seq, size, rest),
        expiresAt,
      });
      this.#archived.set(seq, Date.now());
      return true;
    } catch (error) {
      log('warn', 'results-write-failed', { reason: textOf(error), bytes: size });
      return false;
    }
  }

  async #tryDelete(id: string): Promise<boolean> {
    try {
      await this.#config().results.delete(id);
      return true;
    } catch (error) {
      log('warn', 'results-delete-failed', { reason: textOf(error) });
      return false;
    }
  }

  *#sealedPieces(seq: number, size: number, rest: Uint8Array): Generator<Uint8Array> {
    const last = piecesOf(size) - 1;
    for (let n = 0; n < last; n += 1) {
      const piece = this.#rows.piece(seq, n);
      if (piece === null) throw new Error(`piece ${n} of ${last + 1} is gone`);
      yield piece;
    }
    if (last >= 0) yield rest;
  }
}

/** Whether a change in KV is done. One that takes too long is not known to be. */
async function soon(done: Promise<boolean>): Promise<boolean> {
  return (await settlesWithin(done, KV_MAX_MS)) && done;
}

function soonest(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.min(a, b);
}
