/** @module Puts results into RESULTS, and takes them out. Runs in: the ledger object. */

import { log, type RequestFields, requestFields, textOf } from '../log.ts';
import { piecesOf } from '../record/format.ts';
import { sealedSize } from '../record/record.ts';
import { deleteResult, putResult } from '../record/results.ts';
import type { Alarm } from './alarm.ts';
import type { Watchdog } from './run/watchdog.ts';
import type { Pieces } from './store/pieces.ts';
import type { CompletedRow, StoredParts } from './store/row.ts';
import type { Rows } from './store/rows.ts';
import { RETRY_MS } from './sweep-pace.ts';

/** Results written to KV at the same time by {@link Archive.catchUp}. */
const KV_CONCURRENCY = 6;
/** KV that has gone silent must not hold up anything: it is KV that is out of reach. */
const KV_MAX_MS = 60_000;
/** Results that are put into RESULTS in one go before the alarm has done. */
const CATCH_UP_ROWS = 1_000;
/** A result that takes longer than this to be in RESULTS has it noted when it was. */
const NOTED_FROM_MS = 1_000;

/** What has to be known of a result to put it into RESULTS. */
export type ArchivedResult = Pick<
  CompletedRow,
  'seq' | 'id' | 'size' | 'completedAt' | 'expiresAt' | 'unarchived'
>;

/**
 * Puts results into RESULTS, and takes them out.
 *
 * What RESULTS has is told by one time for all: what was completed before it is there, and what is not there
 * for all that says so in its row. In memory are those only of which it is not known yet.
 */
export class Archive {
  readonly #ctx: DurableObjectState;
  readonly #rows: Rows;
  readonly #pieces: Pieces;
  readonly #results: () => KVNamespace;
  readonly #alarm: Alarm;
  readonly #watchdog: Watchdog;
  /** See {@link Marks}. It never goes back. */
  #archivedBefore = 0;
  /** Whether the mark may go on. */
  #movedOn = false;
  /**
   * Results on their way to RESULTS, or that did not get there, of which their rows say nothing yet; when
   * they were completed.
   */
  readonly #lacking = new Map<number, number>();
  /** Those of them that did not get there. */
  readonly #failed = new Set<number>();
  /** The put under way of each result, or its removal. It never rejects. */
  readonly #turns = new Map<number, Promise<boolean>>();
  /** Results that are being forgotten and must not be put into RESULTS again. */
  readonly #forgetting = new Set<number>();
  #catchingUp: Promise<void> | null = null;

  constructor(
    ctx: DurableObjectState,
    rows: Rows,
    pieces: Pieces,
    results: () => KVNamespace,
    alarm: Alarm,
    watchdog: Watchdog,
  ) {
    this.#ctx = ctx;
    this.#rows = rows;
    this.#pieces = pieces;
    this.#results = results;
    this.#alarm = alarm;
    this.#watchdog = watchdog;
  }

  /** Takes over from an earlier life of the object. */
  start(archivedBefore: number): void {
    this.#archivedBefore = archivedBefore;
  }

  /** Whether the row of a result that was completed then has to say that RESULTS does not have it. */
  isMarkedPast(completedAt: number): boolean {
    return completedAt < this.#archivedBefore;
  }

  /**
   * RESULTS is not known to have it. Those whose rows say so are not meant: see
   * {@link CompletedRow.unarchived}.
   */
  lacks(seq: number): boolean {
    return this.#lacking.has(seq);
  }

  /** It is being removed from RESULTS, which may show it no more, whatever RESULTS says of that. */
  isForgetting(seq: number): boolean {
    return this.#forgetting.has(seq);
  }

  /**
   * Puts a recorded result into RESULTS, in the background. Should that fail, {@link Archive.catchUp} tries
   * again. What of the record is still in hand is not read back for it, and is held until this resolves: a KV
   * that has gone silent has it for as long as it likes.
   */
  put(result: ArchivedResult, record: StoredParts): Promise<unknown> {
    if (!result.unarchived) this.#lacking.set(result.seq, result.completedAt);
    const put = this.#put(result, record);
    this.#ctx.waitUntil(put);
    return this.#turns.get(result.seq) ?? put;
  }

  /** A result is recorded whose row says that RESULTS does not have it. */
  putLater(): void {
    this.#tryAgain();
  }

  /**
   * Writes into the rows what did not get to RESULTS, so that it is known after a restart and the mark can go
   * on.
   */
  noteFailed(): void {
    for (const seq of this.#failed) {
      this.#rows.markUnarchived(seq);
      this.#failed.delete(seq);
      this.#lacking.delete(seq);
      this.#movedOn = true;
    }
  }

  /** No result on its way to RESULTS, of which its row says nothing yet, has a number before this one. */
  get firstLacking(): number {
    let first = Number.MAX_SAFE_INTEGER;
    for (const seq of this.#lacking.keys()) first = Math.min(first, seq);
    return first;
  }

  /** The mark as it can be written down now. It stays where it is as long as nothing new is in RESULTS. */
  mark(now: number): number {
    if (!this.#movedOn) return this.#archivedBefore;
    this.#movedOn = false;
    let first = now + 1;
    for (const completedAt of this.#lacking.values()) first = Math.min(first, completedAt);
    this.#archivedBefore = Math.max(this.#archivedBefore, first);
    return this.#archivedBefore;
  }

  /**
   * Puts into RESULTS what did not get there before. Resolves when that is done, or has failed again. Never
   * rejects.
   */
  catchUp(now: number): Promise<void> {
    this.#catchingUp ??= this.#catchUp(now)
      .catch((error) => {
        log('error', 'sweep-failed', { what: 'catch-up', reason: textOf(error) });
        this.#tryAgain();
      })
      .finally(() => {
        this.#catchingUp = null;
      });
    return this.#catchingUp;
  }

  async #catchUp(now: number): Promise<void> {
    const unarchived = this.#rows.unarchived(CATCH_UP_ROWS);
    const missing = unarchived.filter(({ expiresAt }) => expiresAt > now);
    for (let start = 0; start < missing.length; start += KV_CONCURRENCY) {
      const batch = missing.slice(start, start + KV_CONCURRENCY);
      const there = await Promise.all(batch.map((row) => this.#put(row)));
      // Where KV is out of reach for all of them, it is out of reach for the rest.
      if (!there.includes(true)) return this.#tryAgain();
    }
    if (unarchived.length === CATCH_UP_ROWS) this.#tryAgain();
  }

  /** Removes a result from RESULTS. Rejects where RESULTS is out of reach. */
  async remove(row: CompletedRow): Promise<void> {
    this.#forgetting.add(row.seq);
    const gone = await this.#inTurn(row.seq, () => this.#tryDelete(row));
    this.#forgetting.delete(row.seq);
    if (gone) return;
    // It may be gone all the same: the body stays here until it has been written again.
    this.#rows.markUnarchived(row.seq);
    this.#tryAgain();
    throw new Error('the record cannot be removed from RESULTS');
  }

  /**
   * Whether RESULTS has the result now. A put under way is shared. A KV that has gone silent counts as out of
   * reach, and keeps its turn.
   */
  #put(result: ArchivedResult, record?: StoredParts): Promise<boolean> {
    if (this.#forgetting.has(result.seq)) return Promise.resolve(false);
    const underWay = this.#turns.get(result.seq);
    if (underWay !== undefined) return this.#inTime(underWay);
    return this.#inTurn(result.seq, () => this.#tryPut(result, record));
  }

  /** Runs after whatever is under way for the same result. `change` never rejects. */
  #inTurn(seq: number, change: () => Promise<boolean>): Promise<boolean> {
    const done = (this.#turns.get(seq) ?? Promise.resolve(true)).then(change);
    this.#turns.set(seq, done);
    void done.finally(() => {
      if (this.#turns.get(seq) === done) this.#turns.delete(seq);
    });
    return this.#inTime(done);
  }

  /** Whether a change in KV is done. One that takes too long is not known to be. */
  async #inTime(done: Promise<boolean>): Promise<boolean> {
    return (await this.#watchdog.settlesWithin(done, KV_MAX_MS)) && done;
  }

  async #tryPut(result: ArchivedResult, inHand?: StoredParts): Promise<boolean> {
    const { seq, size, expiresAt } = result;
    try {
      const { preamble, rest } = inHand ?? this.#rows.record(seq);
      await putResult(this.#results(), result, {
        preamble,
        sealedBytes: sealedSize(size),
        pieces: () => this.#sealedPieces(seq, size, rest),
        expiresAt,
      });
      this.#arrived(result, Date.now());
      return true;
    } catch (error) {
      log('warn', 'results-write-failed', {
        reason: textOf(error),
        bytes: size,
        ...this.#fieldsOf(result),
      });
      if (!result.unarchived) this.#failed.add(seq);
      this.#tryAgain();
      return false;
    }
  }

  #arrived({ seq, size, completedAt, unarchived }: ArchivedResult, now: number): void {
    const late = unarchived || now - completedAt > NOTED_FROM_MS;
    if (late) this.#rows.markArchived(seq, now);
    if (this.#lacking.delete(seq)) {
      this.#movedOn = true;
      this.#alarm.writeDownSoon();
    }
    // No sweep has looked for a body that was not there yet.
    const leavesAt = late && piecesOf(size) > 1 ? this.#rows.nextToCool(now) : null;
    if (leavesAt !== null) this.#alarm.wakeBy(leavesAt);
  }

  #tryAgain(): void {
    this.#alarm.wakeBy(Date.now() + RETRY_MS);
  }

  async #tryDelete(row: CompletedRow): Promise<boolean> {
    try {
      await deleteResult(this.#results(), row);
      return true;
    } catch (error) {
      log('warn', 'results-delete-failed', { reason: textOf(error), ...this.#fieldsOf(row) });
      return false;
    }
  }

  /** Which request a result is of, for the log: its execution alone, where the row cannot be read either. */
  #fieldsOf({ seq, id }: Pick<CompletedRow, 'seq' | 'id'>): RequestFields | { execution: string } {
    try {
      const labels = this.#rows.labels(seq);
      if (labels !== null) return requestFields({ id, ...labels });
    } catch {
      // Said by what is returned.
    }
    return { execution: id };
  }

  *#sealedPieces(seq: number, size: number, rest: Uint8Array): Generator<Uint8Array> {
    const last = piecesOf(size) - 1;
    for (let n = 0; n < last; n += 1) {
      const piece = this.#pieces.read(seq, n);
      if (piece === null) throw new Error(`piece ${n} of ${last + 1} is gone`);
      yield piece;
    }
    if (last >= 0) yield rest;
  }
}
