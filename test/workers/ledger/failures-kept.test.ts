import { runInDurableObject } from 'cloudflare:test';
import { expect, test, vi } from 'vitest';
import type { Failure } from '../../../src/inspection.ts';
import { Counts } from '../../../src/ledger/store/counts.ts';
import { NO_MARKS } from '../../../src/ledger/store/marks.ts';
import { ledger, useWorld } from './world.ts';

useWorld();

const KEPT = 200;
const MINUTE_MS = 60_000;

function failure(n: number): Failure {
  const labels = {
    id: `id-${n}`,
    keyHash: `key-${n % 3}`,
    caller: '3f9a',
    method: 'POST',
    path: '/x',
    trace: null,
  };
  return { ...labels, reason: 'status', status: 500, rule: null, receivedAt: n, failedAt: n };
}

function flush(counts: Counts, minute: number): void {
  counts.flush(minute * MINUTE_MS, NO_MARKS, () => false);
}

test('what is written down of failures is bounded, however many minutes of a day have them', async () => {
  await runInDurableObject(ledger(), (_, { storage: { sql } }) => {
    let n = 0;
    let counts = new Counts(sql, () => {});
    const written = () => sql.exec('SELECT total(json_array_length(failures)) AS n FROM totals').one().n;
    for (let minute = 1; minute <= 30; minute += 1) {
      for (let failed = 0; failed < 150; failed += 1) {
        n += 1;
        counts.failed(failure(n), ['failed']);
        if (failed % 50 === 49) flush(counts, minute);
      }
      // Another life of the object.
      if (minute % 7 === 0) counts = new Counts(sql, () => {});
      expect(written()).toBeLessThan(2 * KEPT);
    }
    const newest = Array.from({ length: KEPT }, (_, back) => `id-${n - back}`);
    expect(counts.newestFailures(KEPT).map(({ id }) => id)).toEqual(newest);
    expect(new Counts(sql, () => {}).newestFailures(KEPT).map(({ id }) => id)).toEqual(newest);
  });
});

test('few failures stay for as long as their minutes do', async () => {
  await runInDurableObject(ledger(), (_, { storage: { sql } }) => {
    const counts = new Counts(sql, () => {});
    for (let minute = 1; minute <= 50; minute += 1) {
      counts.failed(failure(minute), ['failed']);
      flush(counts, minute);
    }
    expect(new Counts(sql, () => {}).newestFailures(KEPT)).toHaveLength(50);
  });
});

test('failures that could not be written down are with the next ones that can', async () => {
  await runInDurableObject(ledger(), (_, { storage: { sql } }) => {
    const counts = new Counts(sql, () => {});
    counts.failed(failure(1), ['failed']);
    const full = vi.spyOn(Object.getPrototypeOf(sql), 'exec').mockImplementation(() => {
      throw new Error('the disk is full');
    });
    expect(() => flush(counts, 1)).toThrow('the disk is full');
    full.mockRestore();
    flush(counts, 1);
    expect(new Counts(sql, () => {}).newestFailures(KEPT)).toMatchObject([{ id: 'id-1' }]);
  });
});
