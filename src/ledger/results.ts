import { joined } from '../bytes.ts';
import { decodeRecord, type RecordHead } from './record.ts';

/** A record on its way to RESULTS: its encoded head, and its body in pieces. */
export interface StoredRecord {
  readonly head: Uint8Array;
  readonly bodySize: number;
  readonly pieces: () => Iterable<Uint8Array>;
  readonly expiresAt: number;
}

/** KV refuses a shorter life than this, so a record says itself when it ends. */
const KV_MIN_LIFE_SECONDS = 60;

/** Up to this size a record is joined before it is written; a larger one is streamed. */
const JOIN_MAX_BYTES = 1024 * 1024;

/** Writes a record under the execution's id. Rejects where KV does. */
export async function putResult(results: KVNamespace, id: string, record: StoredRecord): Promise<void> {
  const size = record.head.byteLength + record.bodySize;
  const soonest = Math.ceil(Date.now() / 1000) + KV_MIN_LIFE_SECONDS;
  const expiration = Math.max(Math.ceil(record.expiresAt / 1000), soonest);
  if (size <= JOIN_MAX_BYTES) {
    await results.put(id, joined([record.head, ...record.pieces()], size), { expiration });
    return;
  }
  const { readable, writable } = new FixedLengthStream(size);
  await Promise.all([results.put(id, readable, { expiration }), write(writable, record)]);
}

async function write(writable: WritableStream<Uint8Array>, record: StoredRecord): Promise<void> {
  const writer = writable.getWriter();
  try {
    await writer.write(record.head);
    for (const piece of record.pieces()) await writer.write(piece);
    await writer.close();
  } catch (error) {
    await writer.abort(error);
    throw error;
  }
}

/**
 * Reads a record: its head, and its body as a stream to be piped. `null` where there is none, or none that still lives.
 * Rejects where KV does, or where the value is damaged.
 */
export async function getResult(
  results: KVNamespace,
  id: string,
): Promise<{ head: RecordHead; body: ReadableStream<Uint8Array> } | null> {
  const value = await results.get(id, 'stream');
  if (value === null) return null;
  const record = await decodeRecord(value);
  if (record.head.expiresAt > Date.now()) return record;
  await record.body.cancel();
  return null;
}
