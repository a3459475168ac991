import type { Route } from '../../config.ts';
import { log, textOf } from '../../log.ts';
import type { LedgerCall, ResponseHead } from '../../protocol.ts';
import { openPiece, piecesOf, sealedSize, sealPiece, sealPreamble } from '../../record/record.ts';
import { Seal } from '../../record/seal.ts';
import { KV_VALUE_MAX_BYTES, RECORD_HEAD_MAX_BYTES } from '../../settings.ts';
import type { Archive } from '../archive.ts';
import type { Counts } from '../store/counts.ts';
import type { Holds } from '../store/holds.ts';
import type { Completion, Rows, RunTimes } from '../store/rows.ts';
import type { StorageRoom } from '../store/storage-room.ts';
import type { ExecutionStore } from './execution.ts';
import type { RunMemory } from './run-memory.ts';

/** The parts of a ledger object that an execution writes to. */
export interface RecorderParts {
  readonly rows: Rows;
  readonly holds: Holds;
  readonly archive: Archive;
  readonly storage: StorageRoom;
  readonly counts: Counts;
  readonly memory: RunMemory;
  /** Resolves when everything written so far is durable. */
  readonly sync: () => Promise<void>;
}

/** The execution that is written down. */
export type Recorded = Pick<LedgerCall, 'id' | 'caller' | 'fingerprint' | 'secret'> & {
  readonly seq: number;
};

/** What the parts of a body are sealed with is known to its execution alone, and gone with it. */
const PART_SECRET_BYTES = 32;

/** Writes down one execution: the pieces of its response as they come, sealed, and how it ended. */
export class Recorder implements ExecutionStore {
  readonly #parts: RecorderParts;
  readonly #execution: Recorded;
  readonly #route: Route;
  /** Called before it is written down that nothing is recorded, so that nobody joins what has failed. */
  readonly #leave: () => void;
  /** Ready long before there is anything to seal: the upstream takes its time. */
  readonly #seal: Promise<Seal>;
  /** Of the parts that are written down for want of memory. No position of the record's own seal may be used twice. */
  #partSeal: Promise<Seal> | null = null;

  constructor(parts: RecorderParts, execution: Recorded, route: Route, leave: () => void) {
    this.#parts = parts;
    this.#execution = execution;
    this.#route = route;
    this.#leave = leave;
    this.#seal = Seal.create(execution.secret);
  }

  async write(n: number, bytes: Uint8Array): Promise<void> {
    const piece = await sealPiece(await this.#seal, n, bytes);
    this.#parts.rows.writePiece(this.#execution.seq, n, piece);
  }

  async read(n: number): Promise<Uint8Array> {
    const seal = await this.#seal;
    const piece = this.#parts.rows.piece(this.#execution.seq, n);
    if (piece === null) throw new Error(`piece ${n} of a running body is gone`);
    return openPiece(seal, n, piece);
  }

  async writePart(n: number, bytes: Uint8Array): Promise<void> {
    this.#partSeal ??= Seal.create(crypto.getRandomValues(new Uint8Array(PART_SECRET_BYTES)));
    const part = await sealPiece(await this.#partSeal, n, bytes);
    this.#parts.rows.writePart(this.#execution.seq, n, part);
  }

  async readPart(n: number): Promise<Uint8Array> {
    // At once, as the part may be in a piece by the time that the seal is here.
    const part = this.#parts.rows.part(this.#execution.seq, n);
    if (part === null || this.#partSeal === null) throw new Error(`part ${n} of a running body is gone`);
    return openPiece(await this.#partSeal, n, part);
  }

  dropParts(below: number): void {
    if (this.#partSeal !== null) this.#parts.rows.removeParts(this.#execution.seq, below);
  }

  hasRoom(): boolean {
    return !this.#parts.storage.isOutOfPieces;
  }

  drop(below: number): void {
    this.#parts.rows.removePieces(this.#execution.seq, below);
  }

  hold(): () => void {
    return this.#parts.holds.hold(this.#execution.seq);
  }

  failed(): void {
    this.#leave();
    this.#parts.counts.add('failed');
    this.#parts.rows.abandon(this.#execution.seq);
  }

  redirected(status: number, times: RunTimes): void {
    const { seq, caller } = this.#execution;
    const completedAt = Date.now();
    const expiresAt = this.#expiry(completedAt);
    this.#leave();
    this.#parts.counts.add('failed');
    this.#parts.rows.sendElsewhere(seq, { caller, completedAt, expiresAt, status, times });
  }

  unknown(times: RunTimes): void {
    const { rows, counts } = this.#parts;
    const { seq } = this.#execution;
    this.#leave();
    counts.add('unknown');
    if (this.#route.unknownOutcome === 'retry') rows.abandon(seq);
    else rows.markUnknown(seq, this.#expiry(Date.now()), times);
  }

  async completed(
    head: ResponseHead,
    size: number,
    rest: Uint8Array | null,
    times: RunTimes,
  ): Promise<boolean> {
    const { archive, counts, memory } = this.#parts;
    const { seq, id, caller } = this.#execution;
    const completedAt = Date.now();
    const expiresAt = this.#expiry(completedAt);
    const sealed = rest === null ? null : await this.#sealed(head, size, rest, completedAt);
    const held = sealed?.place === 'ledger' ? memory.holdResult(sealed.rest.byteLength) : null;
    // What there is no memory for goes to RESULTS later, and its row says so.
    const unarchived = sealed?.place === 'ledger' && (held === null || archive.isMarkedPast(completedAt));
    const result = { caller, completedAt, expiresAt, size, status: head.status, times };
    const record = this.#complete(result, sealed && { ...sealed, unarchived });
    counts.add(record === null ? 'tooLarge' : 'recorded');
    if (times.sentAt !== null) counts.add('upstreamMs', completedAt - times.sentAt);
    if (record?.place !== 'ledger') held?.release();
    else if (held === null) archive.putLater();
    else {
      const archived = { seq, id, size, completedAt, expiresAt, unarchived };
      void archive.put(archived, record).finally(() => held.release());
    }
    return record !== null;
  }

  /** A result that cannot be written is one that is not recorded, if at least that can be. Returns what is written of it. */
  #complete<Record extends NonNullable<Completion['record']>>(
    result: Omit<Completion, 'record'>,
    record: Record | null,
  ): Record | null {
    const { rows } = this.#parts;
    const { seq } = this.#execution;
    try {
      rows.complete(seq, { ...result, record });
      return record;
    } catch (error) {
      if (record === null) throw error;
      log('error', 'result-not-written', { reason: textOf(error), bytes: result.size });
      rows.complete(seq, { ...result, record: null });
      return null;
    }
  }

  durable(): Promise<void> {
    return this.#parts.sync();
  }

  /** A head that leaves a record no room in RESULTS makes it one that is too large: `null`. */
  async #sealed(head: ResponseHead, size: number, rest: Uint8Array, completedAt: number) {
    const seal = await this.#seal;
    const { fingerprint } = this.#execution;
    const expiresAt = this.#expiry(completedAt);
    const [preamble, last] = await Promise.all([
      sealPreamble(seal, { ...head, size, fingerprint, completedAt, expiresAt }),
      size === 0 ? rest : sealPiece(seal, piecesOf(size) - 1, rest),
    ]);
    const fits =
      preamble.byteLength <= RECORD_HEAD_MAX_BYTES &&
      preamble.byteLength + sealedSize(size) <= KV_VALUE_MAX_BYTES;
    const place = size < this.#route.resultsFromBytes ? ('ledger-alone' as const) : ('ledger' as const);
    return fits ? { preamble, rest: last, place } : null;
  }

  #expiry(fromMs: number): number {
    return fromMs + this.#route.ttlSeconds * 1000;
  }
}
