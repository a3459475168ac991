/** @module Writes down one execution. Runs in: the ledger object. */

import { free } from '../../body-bytes.ts';
import type { Counter } from '../../counters.ts';
import type { FailureCause } from '../../inspection.ts';
import { log, requestFields, textOf } from '../../log.ts';
import type { Policy, ResponseHead, RunTimes, UnknownCause } from '../../protocol.ts';
import { KV_VALUE_MAX_BYTES, piecesOf, RECORD_HEAD_MAX_BYTES } from '../../record/format.ts';
import { openPiece, sealedSize, sealPiece, sealPreamble } from '../../record/record.ts';
import { Seal } from '../../record/seal.ts';
import type { Alarm } from '../alarm.ts';
import type { Archive } from '../archive.ts';
import { callerName } from '../store/caller-name.ts';
import type { Counts } from '../store/counts.ts';
import type { Holds } from '../store/holds.ts';
import type { Pieces } from '../store/pieces.ts';
import type { Begun, Completion } from '../store/row.ts';
import type { Rows } from '../store/rows.ts';
import type { StorageRoom } from '../store/storage-room.ts';
import type { CallerUsage } from '../usage.ts';
import type { ExecutionStore } from './execution-store.ts';
import type { Intent } from './intent.ts';
import type { RunMemory } from './run-memory.ts';

/** The parts of a ledger object that an execution writes to. */
export interface RecorderParts {
  readonly alarm: Alarm;
  readonly rows: Rows;
  readonly pieces: Pieces;
  readonly holds: Holds;
  readonly archive: Archive;
  readonly storage: StorageRoom;
  readonly counts: Counts;
  readonly usage: CallerUsage;
  readonly memory: RunMemory;
  /** Resolves when everything written so far is durable. */
  readonly sync: () => Promise<void>;
}

/** What the parts of a body are sealed with is known to its execution alone, and gone with it. */
const PART_SECRET_BYTES = 32;

/** Writes down one execution: the pieces of its response as they come, sealed, and how it ended. */
export class Recorder implements ExecutionStore {
  readonly #parts: RecorderParts;
  readonly #begun: Begun;
  readonly #policy: Pick<Policy, 'ttlMs' | 'hotMs' | 'resultsFromBytes'>;
  readonly #intent: Intent;
  /** Called before it is written down that nothing is recorded, so that nobody joins what has failed. */
  readonly #leave: () => void;
  /** Ready long before there is anything to seal: the upstream takes its time. */
  readonly #seal: Promise<Seal>;
  /**
   * Of the parts that are written down for want of memory. No position of the record's own seal may be used
   * twice.
   */
  #partSeal: Promise<Seal> | null = null;
  #hasPieces = false;

  /** `secret` is what the record is sealed with. */
  constructor(
    parts: RecorderParts,
    begun: Begun,
    secret: Uint8Array,
    policy: Pick<Policy, 'ttlMs' | 'hotMs' | 'resultsFromBytes'>,
    intent: Intent,
    leave: () => void,
  ) {
    this.#parts = parts;
    this.#begun = begun;
    this.#policy = policy;
    this.#intent = intent;
    this.#leave = leave;
    this.#seal = Seal.create(secret);
  }

  async write(n: number, bytes: Uint8Array): Promise<void> {
    this.#hasPieces = true;
    const piece = await sealPiece(await this.#seal, n, bytes);
    try {
      this.#parts.pieces.write(this.#begun.seq, n, piece);
    } catch (error) {
      this.#reportNotWritten(error, bytes.byteLength);
      throw error;
    }
    free(piece);
  }

  async read(n: number): Promise<Uint8Array> {
    const seal = await this.#seal;
    const piece = this.#parts.pieces.read(this.#begun.seq, n);
    if (piece === null) throw new Error(`piece ${n} of a running body is gone`);
    const opened = await openPiece(seal, n, piece);
    free(piece);
    return opened;
  }

  async writePart(n: number, bytes: Uint8Array): Promise<void> {
    this.#hasPieces = true;
    this.#partSeal ??= Seal.create(crypto.getRandomValues(new Uint8Array(PART_SECRET_BYTES)));
    const part = await sealPiece(await this.#partSeal, n, bytes);
    this.#parts.pieces.writePart(this.#begun.seq, n, part);
    free(part);
  }

  async readPart(n: number): Promise<Uint8Array> {
    // At once, as the part may be in a piece by the time that the seal is here.
    const part = this.#parts.pieces.readPart(this.#begun.seq, n);
    if (part === null || this.#partSeal === null) throw new Error(`part ${n} of a running body is gone`);
    return openPiece(await this.#partSeal, n, part);
  }

  dropParts(below: number): void {
    if (this.#partSeal !== null) this.#clearUp(() => this.#parts.pieces.removeParts(this.#begun.seq, below));
  }

  hasRoom(): boolean {
    return !this.#parts.storage.isOutOfPieces;
  }

  drop(below: number): void {
    if (this.#hasPieces) this.#clearUp(() => this.#parts.pieces.remove(this.#begun.seq, below));
  }

  /**
   * What is left of pieces goes with the next start of the object anyway, so that it is no reader's trouble.
   */
  #clearUp(task: () => void): void {
    try {
      task();
    } catch (error) {
      log('error', 'pieces-not-removed', { reason: textOf(error), ...requestFields(this.#begun) });
    }
  }

  hold(): () => void {
    return this.#parts.holds.hold(this.#begun.seq);
  }

  failed(cause: FailureCause): void {
    this.#leave();
    this.#noteFailure(cause, ['failed']);
    this.#intent.failed();
  }

  redirected(status: number, times: RunTimes): void {
    const completedAt = Date.now();
    this.#leave();
    this.#noteFailure({ reason: 'sent-elsewhere', status, rule: null }, ['failed']);
    const place = 'elsewhere';
    this.#complete({
      completedAt,
      expiresAt: this.#expiry(completedAt),
      size: 0,
      status,
      times,
      result: { place },
    });
  }

  unknown(cause: UnknownCause, times: RunTimes, why: FailureCause): void {
    this.#leave();
    this.#noteFailure(why, cause === 'cancelled' ? ['unknown', 'cancelled'] : ['unknown']);
    this.#intent.unknown(cause, this.#expiry(Date.now()), times);
  }

  #noteFailure(cause: FailureCause, counters: readonly Counter[]): void {
    const { id, keyHash, caller, method, path, trace, receivedAt } = this.#begun;
    const labels = { id, keyHash, caller: callerName(caller), method, path, trace };
    this.#parts.counts.failed({ ...labels, ...cause, receivedAt, failedAt: Date.now() }, counters);
  }

  async completed(
    head: ResponseHead,
    size: number,
    rest: Uint8Array | null,
    times: RunTimes,
  ): Promise<boolean> {
    const { archive, counts, memory } = this.#parts;
    const { seq, id } = this.#begun;
    const completedAt = Date.now();
    const expiresAt = this.#expiry(completedAt);
    const record = rest === null ? null : await this.#sealed(head, size, rest, completedAt);
    const toArchive = record !== null && size >= this.#policy.resultsFromBytes ? record : null;
    const held = toArchive === null ? null : memory.holdResult(toArchive.rest.byteLength);
    // What there is no memory for goes to RESULTS later, and its row says so.
    const unarchived = toArchive !== null && (held === null || archive.isMarkedPast(completedAt));
    const ended = { completedAt, expiresAt, size, status: head.status, times };
    let isRecorded = false;
    try {
      if (record === null) this.#complete({ ...ended, result: { place: 'nowhere' } });
      else isRecorded = this.#completeWith(ended, record, toArchive !== null, unarchived);
    } catch (error) {
      held?.release();
      throw error;
    }
    counts.add(isRecorded ? 'recorded' : 'tooLarge');
    if (times.sentAt !== null) this.#noteTimes(times.sentAt, completedAt);
    if (!isRecorded || toArchive === null) held?.release();
    else if (held === null) archive.putLater();
    else {
      const archived = { seq, id, size, completedAt, expiresAt, unarchived };
      void archive.put(archived, toArchive).finally(() => held.release());
    }
    return isRecorded;
  }

  /** Nobody waits for this. Where what was written is never durable, the object ends anyway. */
  #noteTimes(sentAt: number, completedAt: number): void {
    const { counts, sync } = this.#parts;
    const beforeMs = sentAt - this.#begun.receivedAt;
    counts.upstreamTook(completedAt - sentAt);
    sync().then(
      () => counts.added(beforeMs + Date.now() - completedAt),
      () => {},
    );
  }

  durable(): Promise<void> {
    return this.#parts.sync();
  }

  /**
   * A result that cannot be written is one that is not recorded, if at least that can be. Returns whether it
   * is written.
   */
  #completeWith(
    ended: Omit<Completion, 'result'>,
    record: { readonly preamble: Uint8Array; readonly rest: Uint8Array },
    goesToResults: boolean,
    unarchived: boolean,
  ): boolean {
    const isLarge = piecesOf(ended.size) > 1;
    const coolAt = goesToResults && isLarge ? ended.completedAt + this.#policy.hotMs : null;
    const place = goesToResults ? 'ledger' : 'ledger-alone';
    try {
      this.#complete({ ...ended, result: { place, record, unarchived, coolAt } });
      return true;
    } catch (error) {
      this.#reportNotWritten(error, ended.size);
      this.#complete({ ...ended, result: { place: 'nowhere' } });
      return false;
    }
  }

  #reportNotWritten(error: unknown, bytes: number): void {
    log('error', 'result-not-written', { reason: textOf(error), bytes, ...requestFields(this.#begun) });
  }

  #complete(completion: Completion): void {
    const { alarm, rows, usage } = this.#parts;
    const { result, size, expiresAt } = completion;
    this.#intent.replace();
    rows.complete(this.#begun, completion);
    usage.stored(this.#begun.caller, 'record' in result ? size : 0);
    alarm.wakeBy(
      'record' in result && result.coolAt !== null ? Math.min(result.coolAt, expiresAt) : expiresAt,
    );
  }

  /** A head that leaves a record no room in RESULTS makes it one that is too large: `null`. */
  async #sealed(head: ResponseHead, size: number, rest: Uint8Array, completedAt: number) {
    const seal = await this.#seal;
    const { fingerprint } = this.#begun;
    const expiresAt = this.#expiry(completedAt);
    const [preamble, last] = await Promise.all([
      sealPreamble(seal, { ...head, size, fingerprint, completedAt, expiresAt }),
      size === 0 ? rest : sealPiece(seal, piecesOf(size) - 1, rest),
    ]);
    const fits =
      preamble.byteLength <= RECORD_HEAD_MAX_BYTES &&
      preamble.byteLength + sealedSize(size) <= KV_VALUE_MAX_BYTES;
    return fits ? { preamble, rest: last } : null;
  }

  #expiry(fromMs: number): number {
    return fromMs + this.#policy.ttlMs;
  }
}
