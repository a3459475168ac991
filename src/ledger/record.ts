import type { HeaderList } from '../request/forward.ts';
import type { ResponseHead } from './call.ts';

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
 *     version (1 byte) · length of the head (4 bytes, big-endian) · head (JSON) · body
 *
 * The body stands last and as it was, so that reading a record copies nothing of it.
 */
const VERSION = 1;
const PREFIX_BYTES = 5;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The bytes that stand before the body. */
export function encodeHead(head: RecordHead): Uint8Array {
  const json = encoder.encode(JSON.stringify(head));
  const bytes = new Uint8Array(PREFIX_BYTES + json.byteLength);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, VERSION);
  view.setUint32(1, json.byteLength);
  bytes.set(json, PREFIX_BYTES);
  return bytes;
}

/** Reads what {@link encodeHead} wrote. Throws where the bytes are no record of this version. */
export function decodeHead(bytes: Uint8Array): RecordHead {
  return parseHead(bytes.subarray(PREFIX_BYTES, PREFIX_BYTES + headLength(bytes)));
}

/**
 * Splits a whole record that arrives as a stream: its head, and the stream with only the body left in it. That one can
 * be piped, but not be given to a `Response` as it is, since it was read from. Rejects where the stream breaks off or holds no record of this version.
 */
export async function decodeRecord(
  record: ReadableStream<Uint8Array>,
): Promise<{ head: RecordHead; body: ReadableStream<Uint8Array> }> {
  const reader = record.getReader({ mode: 'byob' });
  const prefix = await reader.readAtLeast(PREFIX_BYTES, new Uint8Array(PREFIX_BYTES));
  const length = headLength(prefix.value ?? new Uint8Array(0));
  const json = await reader.readAtLeast(length, new Uint8Array(length));
  const head = parseHead(json.value ?? new Uint8Array(0));
  reader.releaseLock();
  return { head, body: record };
}

function headLength(bytes: Uint8Array): number {
  if (bytes.byteLength < PREFIX_BYTES || bytes[0] !== VERSION) {
    throw new Error(`not a record of version ${VERSION}`);
  }
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(1);
}

function parseHead(json: Uint8Array): RecordHead {
  const head: unknown = JSON.parse(decoder.decode(json));
  if (!isRecordHead(head)) throw new Error('the record has no proper head');
  return head;
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
