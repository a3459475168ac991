/** @module A response as sealed bytes, and back. Runs in: the Worker, the ledger object. */

import { inTime } from '../deadline.ts';
import type { HeaderList } from '../headers.ts';
import { type LoggedRequest, log, requestFields, textOf } from '../log.ts';
import type { ResponseBody, ResponseHead } from '../protocol.ts';
import { PIECE_BYTES, piecesOf, RECORD_HEAD_MAX_BYTES, VERSION } from './format.ts';
import { HEAD_POSITION, SALT_BYTES, SEAL_BYTES, Seal } from './seal.ts';
import { watchReader } from './stalled-reader.ts';

/** What a record says besides the body. Times are milliseconds since the epoch. */
export interface RecordHead extends ResponseHead {
  /** The body's size in bytes. */
  readonly size: number;
  readonly fingerprint: string;
  readonly completedAt: number;
  readonly expiresAt: number;
}

/**
 * A record is a response as bytes, the same in the ledger and in RESULTS:
 *
 *     version (1 byte) · salt (8 bytes) · length of the sealed head (4 bytes, big-endian) · sealed head
 *     · the sealed pieces of the body, all but the last of them of one size
 *
 * The head is JSON. The first line is the preamble, which the ledger keeps apart from the body.
 */
const LENGTH_AT = 1 + SALT_BYTES;
const PREFIX_BYTES = LENGTH_AT + 4;
/** No head is shorter: `{}`, sealed. */
const HEAD_MIN_BYTES = SEAL_BYTES + 2;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A store that has gone silent must not hold a client for ever: it is told to come again. */
const READ_MAX_MS = 10_000;

/** The size of a record's sealed body in bytes. */
export function sealedSize(size: number): number {
  return size + piecesOf(size) * SEAL_BYTES;
}

/** Seals a head. Returns the bytes that stand before the body. */
export async function sealPreamble(seal: Seal, head: RecordHead): Promise<Uint8Array> {
  const sealed = await seal.seal(HEAD_POSITION, encoder.encode(JSON.stringify(head)));
  const bytes = new Uint8Array(PREFIX_BYTES + sealed.byteLength);
  bytes[0] = VERSION;
  bytes.set(seal.salt, 1);
  new DataView(bytes.buffer).setUint32(LENGTH_AT, sealed.byteLength);
  bytes.set(sealed, PREFIX_BYTES);
  return bytes;
}

/** Seals the nth piece of a body, from 0. */
export function sealPiece(seal: Seal, n: number, piece: Uint8Array): Promise<Uint8Array> {
  return seal.seal(n + 1, piece);
}

/** Opens the nth piece of a body. Rejects with {@link DamagedRecordError}. */
export async function openPiece(seal: Seal, n: number, sealed: Uint8Array): Promise<Uint8Array> {
  try {
    return await seal.open(n + 1, sealed);
  } catch {
    throw new DamagedRecordError(`piece ${n} of the body does not open`);
  }
}

/** Opens what {@link sealPreamble} made. Rejects with {@link DamagedRecordError}. */
export async function openPreamble(
  secret: Uint8Array,
  preamble: Uint8Array,
): Promise<{ head: RecordHead; seal: Seal }> {
  const sealed = preamble.subarray(PREFIX_BYTES);
  if (headLength(preamble) !== sealed.byteLength)
    throw new DamagedRecordError('the head has another length than it says');
  return openHead(secret, preamble, sealed);
}

/**
 * Opens a whole record that arrives as a stream. Rejects with {@link DamagedRecordError} where its head or
 * its only piece is damaged, and as the stream does; the stream of a larger body errors where a piece is
 * damaged or missing.
 */
export async function openRecord(
  secret: Uint8Array,
  record: ReadableStream<Uint8Array>,
  watched: RecordWatch,
): Promise<{ head: RecordHead; body: ResponseBody }> {
  const reader = record.getReader({ mode: 'byob' });
  const { head, seal } = await readHead(secret, reader);
  const body = await openBody(seal, head.size, {
    read: (_, sealedBytes) => {
      watched.moved();
      return readExactly(reader, sealedBytes);
    },
    end: (broken) => {
      watched.ended(broken);
      letGo(reader);
    },
  });
  return { head, body };
}

/** Is told how the body of a record is read. */
export interface RecordWatch {
  /** A piece is taken. */
  moved(): void;
  /** No more will be: once, with what ended a stream before its end. */
  ended(broken?: BrokenOff): void;
}

async function readHead(
  secret: Uint8Array,
  reader: ReadableStreamBYOBReader,
): Promise<{ head: RecordHead; seal: Seal }> {
  try {
    const prefix = await readExactly(reader, PREFIX_BYTES);
    return await openHead(secret, prefix, await readExactly(reader, headLength(prefix)));
  } catch (error) {
    letGo(reader);
    throw error;
  }
}

/** Not awaited: a store that has gone silent may not answer this either. */
function letGo(reader: ReadableStreamBYOBReader): void {
  reader.cancel().catch(() => {});
}

/** Where the sealed pieces of a body come from. */
export interface SealedPieces {
  /** The nth piece, which has so many bytes; `null` where it is gone. */
  read(n: number, sealedBytes: number): Uint8Array | null | Promise<Uint8Array>;
  /** Called once, when no more pieces will be asked for; with what ended a stream before its end. */
  end(broken?: BrokenOff): void;
}

/** What ended the stream of a body before its end: its record, or its reader, who left or was cut off. */
export interface BrokenOff {
  readonly by: 'record' | 'reader';
  readonly error: unknown;
}

/**
 * Opens a body: one of a single piece here and now, so that damage shows before its head is sent, a larger
 * one as it is read. Rejects, or errors the stream, where a piece is damaged or gone.
 */
export async function openBody(seal: Seal, size: number, pieces: SealedPieces): Promise<ResponseBody> {
  const open = async (n: number) => {
    const bytes = Math.min(PIECE_BYTES, size - n * PIECE_BYTES);
    const sealed = await pieces.read(n, bytes + SEAL_BYTES);
    if (sealed === null) throw new DamagedRecordError(`piece ${n} of the body is gone`);
    return openPiece(seal, n, sealed);
  };
  const count = piecesOf(size);
  if (count <= 1) {
    try {
      return count === 0 ? new Uint8Array(0) : await open(0);
    } finally {
      pieces.end();
    }
  }
  // A native stream that knows its length: it goes to the client as it is, without a copy in JavaScript on
  // the way.
  const { readable, writable } = new FixedLengthStream(size);
  void writePieces(writable.getWriter(), count, open, pieces);
  return readable;
}

/** Opens and writes one piece after the other, each when the one before was taken. Never rejects. */
async function writePieces(
  writer: WritableStreamDefaultWriter<Uint8Array>,
  count: number,
  open: (n: number) => Promise<Uint8Array>,
  pieces: SealedPieces,
): Promise<void> {
  let next = 0;
  // A reader that has left by then has nothing to be told.
  const breakOff = (error: unknown) => writer.abort(error).catch(() => {});
  const endWatch = watchReader(() => next, breakOff);
  let by: BrokenOff['by'] = 'record';
  let broken: BrokenOff | undefined;
  try {
    for (; next < count; next += 1) {
      by = 'record';
      const piece = await open(next);
      // What a write fails with is that the reader left, or was cut off.
      by = 'reader';
      await writer.write(piece);
    }
    await writer.close();
  } catch (error) {
    broken = { by, error };
    if (by === 'record') await breakOff(error);
  }
  endWatch();
  pieces.end(broken);
}

/** Tells the operator of a replay that did not get to its end, and whose it is. */
export function reportBrokenOff(
  place: 'ledger' | 'results',
  { by, error }: BrokenOff,
  of: LoggedRequest,
): void {
  if (by === 'record') reportDamage(place, error, of);
  else log('info', 'response-broke-off', { place, reason: textOf(error), ...requestFields(of) });
}

/** Tells the operator of a record that does not open, or cannot be read to its end, and who asked for it. */
export function reportDamage(place: 'ledger' | 'results', error: unknown, of: LoggedRequest): void {
  const fields = { place, reason: textOf(error), ...requestFields(of) };
  if (error instanceof DamagedRecordError) log('error', 'record-damaged', fields);
  else log('error', 'record-read-failed', fields);
}

/** What is stored of a response is not what was stored. */
export class DamagedRecordError extends Error {
  override readonly name = 'DamagedRecordError';
}

async function openHead(
  secret: Uint8Array,
  prefix: Uint8Array,
  sealed: Uint8Array,
): Promise<{ head: RecordHead; seal: Seal }> {
  const seal = await Seal.of(secret, prefix.slice(1, LENGTH_AT));
  try {
    const head: unknown = JSON.parse(decoder.decode(await seal.open(HEAD_POSITION, sealed)));
    if (isRecordHead(head)) return { head, seal };
  } catch {
    // Said below.
  }
  throw new DamagedRecordError('the head does not open');
}

async function readExactly(reader: ReadableStreamBYOBReader, size: number): Promise<Uint8Array> {
  const read = reader.readAtLeast(size, new Uint8Array(size));
  const { value } = await inTime(read, READ_MAX_MS, 'reading a piece of a record');
  if (value === undefined || value.byteLength !== size)
    throw new DamagedRecordError('the record is cut short');
  return value;
}

function headLength(bytes: Uint8Array): number {
  if (bytes.byteLength < PREFIX_BYTES || bytes[0] !== VERSION) {
    throw new DamagedRecordError(`not a record of version ${VERSION}`);
  }
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(LENGTH_AT);
  if (length < HEAD_MIN_BYTES || length > RECORD_HEAD_MAX_BYTES)
    throw new DamagedRecordError(`no head has a length of ${length} bytes`);
  return length;
}

function isRecordHead(head: unknown): head is RecordHead {
  return (
    typeof head === 'object' &&
    head !== null &&
    'status' in head &&
    typeof head.status === 'number' &&
    'headers' in head &&
    isHeaderList(head.headers) &&
    'size' in head &&
    typeof head.size === 'number' &&
    'fingerprint' in head &&
    typeof head.fingerprint === 'string' &&
    'completedAt' in head &&
    typeof head.completedAt === 'number' &&
    'expiresAt' in head &&
    typeof head.expiresAt === 'number'
  );
}

function isHeaderList(headers: unknown): headers is HeaderList {
  return (
    Array.isArray(headers) &&
    headers.every(
      (field) => Array.isArray(field) && typeof field[0] === 'string' && typeof field[1] === 'string',
    )
  );
}
