import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import {
  type BatchOutcome,
  idempotentFetch,
  MemoryStore,
  runBatch,
  type WorkerContext,
} from '../../../src/client/index.ts';
import { SqliteStore } from '../../../src/client/sqlite.ts';
import { serve, signal } from './server.ts';
import { standIn } from './stand-in.ts';

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index);

describe('runBatch', () => {
  test('gives results in order, whatever the order they finish in', async () => {
    const gates = numbers(3).map(() => signal());
    const run = runBatch(
      ['a', 'b', 'c'],
      async (item, { index }) => {
        await gates[index]?.given;
        return item.toUpperCase();
      },
      { batchId: 'b' },
    );
    const finished: number[] = [];
    for (const gate of gates.toReversed()) gate.give();
    for await (const { index } of run) finished.push(index);
    const { outcomes, ...counts } = await run;
    expect(outcomes.map((outcome) => outcome.status === 'succeeded' && outcome.value)).toEqual([
      'A',
      'B',
      'C',
    ]);
    expect(finished.toSorted()).toEqual([0, 1, 2]);
    expect(counts).toEqual({
      batchId: 'b',
      succeeded: 3,
      failed: 0,
      cancelled: 0,
      replayed: 0,
      remaining: [],
    });
  });

  test('gives each outcome as it comes', async () => {
    const gates = numbers(3).map(() => signal());
    const run = runBatch(numbers(3), async (item) => gates[item]?.given, { batchId: 'b' });
    const outcomes = run[Symbol.asyncIterator]();
    for (const next of [2, 0, 1]) {
      gates[next]?.give();
      expect((await outcomes.next()).value?.index).toBe(next);
    }
    expect((await outcomes.next()).done).toBe(true);
    const late: number[] = [];
    for await (const { index } of run) late.push(index);
    expect(late).toEqual([2, 0, 1]);
  });

  test.each([
    [1, 6],
    [3, 6],
    [6, 6],
    [50, 6],
  ])('works on %i at once and no more (of %i)', async (concurrency, count) => {
    let active = 0;
    let most = 0;
    const worker = async () => {
      active += 1;
      most = Math.max(most, active);
      await new Promise(setImmediate);
      active -= 1;
    };
    await runBatch(numbers(count), worker, { batchId: 'b', concurrency });
    expect(most).toBe(Math.min(concurrency, count));
  });

  test('keeps a failure to its item, and says what is left', async () => {
    const error = new Error('odd');
    const worker = (item: number) => {
      if (item % 2 === 1) throw error;
      return item;
    };
    const summary = await runBatch(numbers(5), worker, { batchId: 'b' });
    expect(summary).toMatchObject({ succeeded: 3, failed: 2, remaining: [1, 3] });
    expect(summary.outcomes[1]).toMatchObject({ status: 'failed', error, item: 1, index: 1 });
  });

  test('reports progress after each item', async () => {
    const seen: [number, number, number, number, string][] = [];
    await runBatch(
      numbers(3),
      (item) => {
        if (item === 1) throw new Error('no');
      },
      {
        batchId: 'b',
        concurrency: 1,
        onProgress: ({ done, total, succeeded, failed, outcome }) =>
          seen.push([done, total, succeeded, failed, outcome.status]),
      },
    );
    expect(seen).toEqual([
      [1, 3, 1, 0, 'succeeded'],
      [2, 3, 1, 1, 'failed'],
      [3, 3, 2, 1, 'succeeded'],
    ]);
  });

  test('ends with what onProgress throws, and begins nothing more', async () => {
    const worker = vi.fn();
    const onProgress = vi.fn(() => {
      throw new Error('stop');
    });
    const run = runBatch(numbers(9), worker, { batchId: 'b', concurrency: 2, onProgress });
    await expect(run).rejects.toThrow('stop');
    const readingOn = async () => {
      for await (const _outcome of run);
    };
    await expect(readingOn()).rejects.toThrow('stop');
    expect(worker).toHaveBeenCalledTimes(2);
    expect(onProgress).toHaveBeenCalledTimes(1);
  });

  test('of nothing is over at once', async () => {
    expect(await runBatch([], () => 1, { batchId: 'b' })).toMatchObject({ outcomes: [], remaining: [] });
  });

  test('stops at an abort: what runs is told, what has not begun is cancelled', async () => {
    const controller = new AbortController();
    const begun: number[] = [];
    const reason = new Error('shutting down');
    const worker = async (item: number, { signal: own }: WorkerContext) => {
      begun.push(item);
      if (item === 0) return 'done';
      controller.abort(reason);
      expect(own.aborted).toBe(true);
      return new Promise<string>(() => {});
    };
    const summary = await runBatch(numbers(4), worker, {
      batchId: 'b',
      concurrency: 1,
      signal: controller.signal,
    });
    expect(summary.outcomes.map(({ status }) => status)).toEqual([
      'succeeded',
      'failed',
      'cancelled',
      'cancelled',
    ]);
    expect(summary.outcomes[1]).toMatchObject({ error: reason });
    expect(summary).toMatchObject({ succeeded: 1, failed: 1, cancelled: 2, remaining: [1, 2, 3] });
    expect(begun).toEqual([0, 1]);
  });
});

describe('a re-run under the same batchId', () => {
  /** A worker that posts to a server and, on the first run, loses the odd items' responses. */
  const posting = (url: string) => {
    const fetchOnce = idempotentFetch({ maxRetries: 0 });
    return async (item: number, { key, signal: own }: WorkerContext) => {
      const headers = { 'idempotency-key': key };
      const response = await fetchOnce(url, { method: 'POST', body: `item ${item}`, headers, signal: own });
      if (!response.ok) throw new Error(`status ${response.status}`);
      return response.text();
    };
  };

  test('behind the gateway executes only what failed', async () => {
    let down = true;
    await using gateway = await standIn(({ body }) => ({
      status: down && /[13]$/.test(body.toString()) ? 500 : 200,
      chunks: [`did ${body}`],
    }));
    const first = await runBatch(numbers(5), posting(gateway.url), { batchId: 'b' });
    expect(first).toMatchObject({ succeeded: 3, failed: 2, remaining: [1, 3] });
    expect(gateway.executions).toHaveLength(5);
    down = false;
    const second = await runBatch(numbers(5), posting(gateway.url), { batchId: 'b' });
    expect(second.succeeded).toBe(5);
    expect(
      gateway.executions
        .slice(5)
        .map(({ body }) => body.toString())
        .toSorted(),
    ).toEqual(['item 1', 'item 3']);
  });

  test('with a durable store asks for nothing that is on record, in another process too', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'batch-'));
    const path = join(directory, 'batch.db');
    let down = true;
    await using server = await serve(({ body }, response) => {
      const failing = down && /[13]$/.test(body.toString());
      response.writeHead(failing ? 500 : 200).end(`did ${body}`);
    });
    const run = async () => {
      using store = new SqliteStore(path);
      return await runBatch(numbers(5), posting(server.url), { batchId: 'b', store });
    };
    expect(await run()).toMatchObject({ succeeded: 3, replayed: 0, remaining: [1, 3] });
    down = false;
    const second = await run();
    expect(second).toMatchObject({ succeeded: 5, replayed: 3, remaining: [] });
    expect(second.outcomes.map((outcome) => outcome.status === 'succeeded' && outcome.value)).toEqual(
      numbers(5).map((item) => `did item ${item}`),
    );
    expect(server.requests).toHaveLength(7);
    rmSync(directory, { recursive: true });
  });

  test('with a store and another batchId runs everything', async () => {
    const store = new MemoryStore();
    const worker = vi.fn(() => 1);
    await runBatch(numbers(3), worker, { batchId: '1', store });
    await runBatch(numbers(3), worker, { batchId: '2', store });
    expect(worker).toHaveBeenCalledTimes(6);
  });
});

test.each<[string, Record<string, unknown>]>([
  ['batchId', { batchId: '' }],
  ['batchId', { batchId: 1 }],
  ['concurrency', { concurrency: 0 }],
  ['concurrency', { concurrency: 1e9 }],
  ['itemId', { itemId: 'id' }],
  ['onProgress', { onProgress: 1 }],
  ['signal', { signal: {} }],
  ['store', { store: { get: () => undefined } }],
])('a bad %s gets a TypeError that names it', (name, bad) => {
  const options = { batchId: 'b', ...bad } as { batchId: string };
  expect(() => runBatch([], () => 1, options)).toThrow(new RegExp(`^${name}: `));
});

test('items or a worker that are none get a TypeError', () => {
  expect(() => runBatch(5 as unknown as [], () => 1, { batchId: 'b' })).toThrow(/^items: /);
  expect(() => runBatch([], 'work' as unknown as () => void, { batchId: 'b' })).toThrow(/^worker: /);
});

test('an outcome’s type says what it has', async () => {
  const { outcomes } = await runBatch([1], (item) => item * 2, { batchId: 'b' });
  const said = (outcome: BatchOutcome<number, number>): string => {
    switch (outcome.status) {
      case 'succeeded':
        return outcome.value.toFixed();
      case 'failed':
        return String(outcome.error);
      case 'cancelled':
        return 'later';
    }
  };
  expect(outcomes.map(said)).toEqual(['2']);
});
