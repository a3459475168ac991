import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { ResponseBody } from '../../../src/protocol.ts';
import { PIECE_BYTES, piecesOf } from '../../../src/record/format.ts';
import {
  openBody,
  openPreamble,
  openRecord,
  type RecordHead,
  sealedSize,
  sealPiece,
  sealPreamble,
} from '../../../src/record/record.ts';
import { Seal } from '../../../src/record/seal.ts';

const secret = new Uint8Array(32).fill(7);

beforeEach(() => {
  vi.spyOn(console, 'error').mockImplementation(() => {});
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** A record as it is stored: what stands before the body, and the body's sealed pieces. */
async function stored(size: number): Promise<{ preamble: Uint8Array; pieces: Uint8Array[] }> {
  const seal = await Seal.create(secret);
  const body = new Uint8Array(size).fill(1);
  const head: RecordHead = {
    status: 200,
    headers: [['content-type', 'text/plain']],
    size,
    fingerprint: 'fingerprint',
    completedAt: 1,
    expiresAt: 2,
  };
  const pieces = Array.from({ length: piecesOf(size) }, (_, n) =>
    sealPiece(seal, n, body.subarray(n * PIECE_BYTES, (n + 1) * PIECE_BYTES)),
  );
  return { preamble: await sealPreamble(seal, head), pieces: await Promise.all(pieces) };
}

async function bytesOf(size: number): Promise<Uint8Array> {
  const { preamble, pieces } = await stored(size);
  return new Uint8Array(await new Blob([preamble, ...pieces]).arrayBuffer());
}

/** Opens a record that comes from RESULTS, and reads it to its end. */
async function open(record: Uint8Array): Promise<number> {
  const bytes = new Response(record).body ?? new Blob().stream();
  const watched = { moved: () => {}, ended: () => {} };
  return sizeOf((await openRecord(secret, bytes, watched)).body);
}

/** Opens a record that is in the ledger, and reads it to its end. */
async function openStored({ preamble, pieces }: Awaited<ReturnType<typeof stored>>): Promise<number> {
  const { head, seal } = await openPreamble(secret, preamble);
  return sizeOf(await openBody(seal, head.size, { read: (n) => pieces[n] ?? null, end: () => {} }));
}

async function sizeOf(body: ResponseBody): Promise<number> {
  return body instanceof Uint8Array ? body.byteLength : (await new Response(body).arrayBuffer()).byteLength;
}

async function expectDamage(opened: Promise<unknown>, what: string): Promise<void> {
  const outcome = await opened.then(
    (size) => `opened with ${size} bytes`,
    // A stream tells of it in words alone.
    (error: unknown) => (/\bDamagedRecordError\b/.test(String(error)) ? 'damaged' : String(error)),
  );
  expect(`${what}: ${outcome}`).toBe(`${what}: damaged`);
}

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = bytes.slice();
  copy.set([(copy[bit >> 3] ?? 0) ^ (1 << (bit & 7))], bit >> 3);
  return copy;
}

const SIZES = [0, 100, PIECE_BYTES, PIECE_BYTES + 100];

test.each(SIZES)('a record of %i bytes opens as it was stored', async (size) => {
  expect(await open(await bytesOf(size))).toBe(size);
  expect((await bytesOf(size)).byteLength).toBe((await stored(size)).preamble.byteLength + sealedSize(size));
  expect(await openStored(await stored(size))).toBe(size);
});

test('every single bit of a record counts: one that is flipped shows as damage', async () => {
  const record = await bytesOf(100);
  for (let bit = 0; bit < record.byteLength * 8; bit += 1)
    await expectDamage(open(flipped(record, bit)), `bit ${bit}`);
}, 60_000);

test('a record that ends anywhere before its end shows as damage', async () => {
  const record = await bytesOf(100);
  for (let end = 0; end < record.byteLength; end += 1)
    await expectDamage(open(record.subarray(0, end)), `the first ${end} bytes`);
});

test('in the ledger, every bit and every missing byte of what stands before the body counts', async () => {
  const record = await stored(100);
  for (let bit = 0; bit < record.preamble.byteLength * 8; bit += 1)
    await expectDamage(openStored({ ...record, preamble: flipped(record.preamble, bit) }), `bit ${bit}`);
  for (let end = 0; end < record.preamble.byteLength; end += 1)
    await expectDamage(openStored({ ...record, preamble: record.preamble.subarray(0, end) }), `${end} bytes`);
  const longer = new Uint8Array([...record.preamble, 0]);
  await expectDamage(openStored({ ...record, preamble: longer }), 'a byte too many');
}, 60_000);

test('in the ledger, a body with a piece that is gone shows as damage', async () => {
  for (const size of [100, PIECE_BYTES + 100]) {
    const { preamble } = await stored(size);
    await expectDamage(openStored({ preamble, pieces: [] }), `${size} bytes`);
  }
});

/** What may happen to a record, said in few words, so that a failure can be read. */
type Harm =
  | { readonly kind: 'cut' | 'flip'; readonly at: number }
  | { readonly kind: 'zero'; readonly at: number; readonly bytes: number }
  | { readonly kind: 'other'; readonly bytes: readonly number[] };

function harmed(record: Uint8Array, harm: Harm): Uint8Array {
  if (harm.kind === 'other') return Uint8Array.from(harm.bytes);
  const at = harm.at % record.byteLength;
  if (harm.kind === 'cut') return record.slice(0, at);
  if (harm.kind === 'zero') return record.slice().fill(0, at, at + harm.bytes);
  return flipped(record, harm.at % (record.byteLength * 8));
}

const at = fc.nat(4_300_000);
/** Most of what stands before the body is hit too seldom by chance. */
const early = fc.nat(400);
const harm: fc.Arbitrary<Harm> = fc.oneof(
  fc.record({ kind: fc.constantFrom('cut' as const, 'flip' as const), at: fc.oneof(at, early) }),
  fc.record({
    kind: fc.constant('zero' as const),
    at: fc.oneof(at, early),
    bytes: fc.integer({ min: 1, max: 64 }),
  }),
  fc.record({ kind: fc.constant('other' as const), bytes: fc.array(fc.nat(255), { maxLength: 100 }) }),
);

test('a record in pieces that is cut, bent, blanked or of another make shows as damage, wherever that is', async () => {
  const record = await bytesOf(PIECE_BYTES + 100);
  await fc.assert(
    fc.asyncProperty(harm, async (what) => {
      const bytes = harmed(record, what);
      // Some bytes are zero as they are.
      fc.pre(bytes.byteLength !== record.byteLength || bytes.some((byte, index) => byte !== record[index]));
      await expectDamage(open(bytes), JSON.stringify(what));
    }),
    { numRuns: 500, examples: [[{ kind: 'zero', at: 17, bytes: 4 }]] },
  );
}, 60_000);

test('who reads nothing of a stored body for long is cut off, and what it read is let go', async () => {
  vi.useFakeTimers();
  const { preamble, pieces } = await stored(3 * PIECE_BYTES);
  const { head, seal } = await openPreamble(secret, preamble);
  const end = vi.fn();
  const open = () => openBody(seal, head.size, { read: (n) => pieces[n] ?? null, end });
  const [stalled, read] = [await open(), await open()];
  expect(await sizeOf(read)).toBe(3 * PIECE_BYTES);
  expect(end).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(601_000);
  expect(end).toHaveBeenCalledTimes(2);
  await expect(sizeOf(stalled)).rejects.toThrow();
  expect(vi.getTimerCount()).toBe(0);
});
