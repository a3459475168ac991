import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Leases } from '../../../src/ask/leases.ts';
import type { AskedAnswer, LeaseGrant } from '../../../src/protocol.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const HOUR_MS = 3_600_000;
const KIB = 1024;

const GRANT = { ms: 2_000, seq: 7 };

function replayed(bytes = 10, lease: LeaseGrant | null = GRANT): AskedAnswer {
  return {
    outcome: 'replayed',
    head: { status: 200, headers: [] },
    body: new Uint8Array(bytes),
    size: bytes,
    expiresAt: Date.now() + HOUR_MS,
    lease,
  };
}

const uncounted = async () => {};

const ASKED = { id: 'id', shard: 3, keyHash: 'key hash' };

test('a response is given again while its lease lasts, and no longer', () => {
  const leases = new Leases();
  const answer = replayed();
  leases.keep('/*', 'f', ASKED, answer, Date.now());
  vi.advanceTimersByTime(1_999);
  expect(leases.replay('/*', 'f', uncounted)).toMatchObject({ answer, asked: ASKED });
  vi.advanceTimersByTime(1);
  expect(leases.replay('/*', 'f', uncounted)).toBeNull();
});

test('a lease counts from when the ledger was asked, not from when it answered', () => {
  const leases = new Leases();
  const askedAt = Date.now();
  vi.advanceTimersByTime(1_500);
  leases.keep('/*', 'f', ASKED, replayed(), askedAt);
  vi.advanceTimersByTime(500);
  expect(leases.replay('/*', 'f', uncounted)).toBeNull();
});

test('no lease outlasts its result', () => {
  const leases = new Leases();
  leases.keep('/*', 'f', ASKED, { ...replayed(), expiresAt: Date.now() + 500 } as AskedAnswer, Date.now());
  vi.advanceTimersByTime(500);
  expect(leases.replay('/*', 'f', uncounted)).toBeNull();
});

test('another request and another route get nothing from it', () => {
  const leases = new Leases();
  leases.keep('/*', 'f', ASKED, replayed(), Date.now());
  expect(leases.replay('/*', 'g', uncounted)).toBeNull();
  expect(leases.replay('/b/*', 'f', uncounted)).toBeNull();
});

test.each<[string, AskedAnswer]>([
  ['a replay without a lease, as from RESULTS alone', replayed(10, null)],
  ['a large response', replayed(64 * KIB + 1)],
  ['a streamed response', { ...replayed(), body: new ReadableStream() } as AskedAnswer],
  ['a refusal', { outcome: 'refused', reason: 'key-reused' }],
  [
    'a first response',
    {
      outcome: 'executed',
      recording: 'stored',
      head: { status: 200, headers: [] },
      body: new Uint8Array(1),
      size: 1,
    },
  ],
])('%s is not kept', (_, answer) => {
  const leases = new Leases();
  leases.keep('/*', 'f', ASKED, answer, Date.now());
  expect(leases.replay('/*', 'f', uncounted)).toBeNull();
});

test('an answer without a lease ends the lease before it', () => {
  const leases = new Leases();
  leases.keep('/*', 'f', ASKED, replayed(), Date.now());
  leases.keep('/*', 'f', ASKED, replayed(10, null), Date.now());
  expect(leases.replay('/*', 'f', uncounted)).toBeNull();
});

test('the oldest leave when all together take too much', () => {
  const leases = new Leases();
  for (let n = 0; n < 200; n += 1) leases.keep('/*', `${n}`, ASKED, replayed(64 * KIB), Date.now());
  expect(leases.replay('/*', '0', uncounted)).toBeNull();
  const kept = Array.from({ length: 200 }, (_, n) => leases.replay('/*', `${n}`, uncounted) !== null);
  expect(kept.lastIndexOf(false)).toBe(kept.indexOf(true) - 1);
  expect(leases.bytes).toBeLessThanOrEqual(8 * KIB * KIB);
  expect(kept.filter((is) => is).length).toBeGreaterThan(120);
});

test('large fields count as well', () => {
  const leases = new Leases();
  const headers = [['x-large', 'x'.repeat(32 * KIB)]] as const;
  for (let n = 0; n < 1_000; n += 1) {
    const answer = { ...replayed(0), head: { status: 200, headers } } as AskedAnswer;
    leases.keep('/*', `${n}`, ASKED, answer, Date.now());
  }
  expect(leases.bytes).toBeLessThanOrEqual(8 * KIB * KIB);
  expect(leases.replay('/*', '999', uncounted)).not.toBeNull();
});

test('a response is let go when its lease has ended, whatever the ledger answers next', () => {
  const leases = new Leases();
  leases.keep('/*', 'f', ASKED, replayed(), Date.now());
  expect(leases.bytes).toBeGreaterThan(0);
  vi.advanceTimersByTime(2_000);
  leases.keep('/*', 'other', ASKED, { outcome: 'refused', reason: 'key-reused' }, Date.now());
  expect(leases.bytes).toBe(0);
});

test('what was given is counted once, when the lease has ended', async () => {
  const leases = new Leases();
  leases.keep('/*', 'f', ASKED, replayed(), Date.now());
  const count = vi.fn(uncounted);
  const given = [1, 2, 3].map(() => leases.replay('/*', 'f', count));
  expect(given.map((one) => one?.counted === null)).toEqual([false, true, true]);
  await vi.advanceTimersByTimeAsync(1_999);
  expect(count).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  await given[0]?.counted;
  expect(count).toHaveBeenCalledExactlyOnceWith(ASKED, GRANT, 3);
});

test('a count that fails breaks nothing', async () => {
  const leases = new Leases();
  leases.keep('/*', 'f', ASKED, replayed(), Date.now());
  const given = leases.replay('/*', 'f', () => Promise.reject(new Error('out of reach')));
  await vi.advanceTimersByTimeAsync(2_000);
  await expect(given?.counted).resolves.toBeUndefined();
});
