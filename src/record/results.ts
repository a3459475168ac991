import { joined } from '../bytes.ts';
import { inTime } from '../deadline.ts';
import type { ResponseBody } from '../protocol.ts';
import { openRecord, type RecordHead } from './record.ts';

/** A record on its way to RESULTS: its preamble, and its body in sealed pieces. */
export interface StoredRecord {
  readonly preamble: Uint8Array;
  /** The size of all pieces in bytes. */
  readonly sealedBytes: number;
  readonly pieces: () => Iterable<Uint8Array>;
  readonly expiresAt: number;
}

/** KV refuses a shorter life than this, so a record says itself when it ends. */
const KV_MIN_LIFE_SECONDS = 60;

/** KV that has gone silent is KV that is out of reach. */
const GET_MAX_MS = 10_000;

/** Up to this size a record is joined before it is written; a larger one is streamed. */
const JOIN_MAX_BYTES = 1024 * 1024;

/** Writes a record under the execution's id. Rejects where KV does. */
export async function putResult(results: KVNamespace, id: string, record: StoredRecord): Promise<void> {
  const size = record.preamble.byteLength + record.sealedBytes;
  const soonest = Math.ceil(Date.now() / 1000) + KV_MIN_LIFE_SECONDS;
  const expiration = Math.max(Math.ceil(record.expiresAt / 1000), soonest);
  if (size <= JOIN_MAX_BYTES) {
    await results.put(id, joined([record.preamble, ...record.pieces()], size), { expiration });
    return;
  }
  const { readable, writable } = new FixedLengthStream(size);
  const writer = writable.getWriter();
  const put = results.put(id, readable, { expiration });
  // A put that fails without having read everything would leave the writing to wait for ever.
  put.catch((error) => writer.abort(error)).catch(() => {});
  await Promise.all([put, write(writer, record)]);
}

async function write(writer: WritableStreamDefaultWriter<Uint8Array>, record: StoredRecord): Promise<void> {
  try {
    await writer.write(record.preamble);
    for (const piece of record.pieces()) await writer.write(piece);
    await writer.close();
  } catch (error) {
    await writer.abort(error);
    throw error;
  }
}

/**
 * Reads a record and opens it: its head, and its body. `null` where there is none, or none that still lives. Rejects where
 * KV does, and with a `DamagedRecordError` where the record does not open.
 */
export async function getResult(
  results: KVNamespace,
  id: string,
  secret: Uint8Array,
): Promise<{ head: RecordHead; body: ResponseBody } | null> {
  const value = await inTime(results.get(id, 'stream'), GET_MAX_MS, 'reading a record');
  if (value === null) return null;
  const record = await openRecord(secret, value);
  if (record.head.expiresAt > Date.now()) return record;
  await discard(record.body);
  return null;
}

/** Lets go of a body that nobody will read. */
export async function discard(body: ResponseBody): Promise<void> {
  if (body instanceof ReadableStream) await body.cancel();
}
