/** @module Records in KV. Runs in: the Worker, the ledger object. */

import { joined } from '../bytes.ts';
import { inTime } from '../deadline.ts';
import type { ResponseBody } from '../protocol.ts';
import { openRecord, type RecordHead, type RecordWatch } from './record.ts';

/** A record on its way to RESULTS: its preamble, and its body in sealed pieces. */
export interface StoredRecord {
  readonly preamble: Uint8Array;
  /** The size of all pieces in bytes. */
  readonly sealedBytes: number;
  readonly pieces: () => Iterable<Uint8Array>;
  readonly expiresAt: number;
}

/** Which run of which execution a record is of: no two runs of one are completed at the same time. */
export interface RecordName {
  readonly id: string;
  /** In milliseconds since the epoch. */
  readonly completedAt: number;
}

/** KV refuses a shorter life than this, so a record says itself when it ends. */
const KV_MIN_LIFE_SECONDS = 60;

/** KV that has gone silent is KV that is out of reach. */
const GET_MAX_MS = 10_000;

/** Up to this size a record is joined before it is written; a larger one is streamed. */
const JOIN_MAX_BYTES = 1024 * 1024;

/** The last time that a name can say, in 2286. */
const LAST_MS = 9_999_999_999_999;

/**
 * A record has a name of its own, not that of its execution: what arrives late in KV takes the place of
 * nothing that came after it. Times count down in it, so that the first name of an execution's records is
 * that of the latest.
 */
function nameIn({ id, completedAt }: RecordName): string {
  return prefixOf(id) + String(LAST_MS - completedAt).padStart(String(LAST_MS).length, '0');
}

/** What the names of all records of an execution begin with. */
function prefixOf(id: string): string {
  return `${id}.`;
}

/** Writes a record. Rejects where KV does. */
export async function putResult(results: KVNamespace, run: RecordName, record: StoredRecord): Promise<void> {
  const name = nameIn(run);
  const size = record.preamble.byteLength + record.sealedBytes;
  const soonest = Math.ceil(Date.now() / 1000) + KV_MIN_LIFE_SECONDS;
  const expiration = Math.max(Math.ceil(record.expiresAt / 1000), soonest);
  if (size <= JOIN_MAX_BYTES) {
    await results.put(name, joined([record.preamble, ...record.pieces()], size), { expiration });
    return;
  }
  const { readable, writable } = new FixedLengthStream(size);
  const writer = writable.getWriter();
  const put = results.put(name, readable, { expiration });
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

/** Removes a record. Rejects where KV does. */
export function deleteResult(results: KVNamespace, run: RecordName): Promise<void> {
  return results.delete(nameIn(run));
}

/**
 * Reads a record and opens it: its head, and its body. Where it is not known which run is meant, that is the
 * latest that KV shows. `null` where there is none, or none that still lives. Rejects where KV does, and with
 * a `DamagedRecordError` where the record does not open.
 */
export async function getResult(
  results: KVNamespace,
  { id, completedAt }: { readonly id: string; readonly completedAt: number | null },
  secret: Uint8Array,
  watched: RecordWatch,
): Promise<{ head: RecordHead; body: ResponseBody } | null> {
  const name = completedAt === null ? await latestOf(results, id) : nameIn({ id, completedAt });
  if (name === null) return null;
  const value = await inTime(results.get(name, 'stream'), GET_MAX_MS, 'reading a record');
  if (value === null) return null;
  const record = await openRecord(secret, value, watched);
  if (record.head.expiresAt > Date.now()) return record;
  await discard(record.body);
  return null;
}

/** Costs as much as ten reads, and is asked for only where the ledger is out of reach. */
async function latestOf(results: KVNamespace, id: string): Promise<string | null> {
  const listed = results.list({ prefix: prefixOf(id), limit: 1 });
  const { keys } = await inTime(listed, GET_MAX_MS, 'looking for a record');
  return keys[0]?.name ?? null;
}

/** Lets go of a body that nobody will read. */
export async function discard(body: ResponseBody): Promise<void> {
  if (body instanceof ReadableStream) await body.cancel();
}
