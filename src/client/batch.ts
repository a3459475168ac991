/** @module `runBatch`: a worker over many items, each under a key of its own. Runs in: any runtime. */

import { until } from './abort.ts';
import { checkInteger, checkOptionalFunction, checkOptionalStore, checkText } from './checks.ts';
import { type ItemKey, itemKeys } from './item-keys.ts';
import type { KeyPart } from './keys.ts';
import { once, type ResultStore } from './store.ts';

/** What the worker gets beside the item. */
export interface WorkerContext {
  /** The item's idempotency key: send it with the request, as `Idempotency-Key`. */
  readonly key: string;
  /** The item's place in the batch, from 0. */
  readonly index: number;
  /** Aborted when the batch is. */
  readonly signal: AbortSignal;
}

/**
 * What became of one item. `failed`: the worker threw; it may or may not have taken effect, and its key makes
 * running it again safe. `cancelled`: the batch was aborted before the item was begun. `replayed`: the value
 * comes from the store.
 */
export type BatchOutcome<Item, Result> = {
  readonly item: Item;
  readonly index: number;
  readonly key: string;
} & (
  | { readonly status: 'succeeded'; readonly value: Result; readonly replayed: boolean }
  | { readonly status: 'failed'; readonly error: unknown }
  | { readonly status: 'cancelled' }
);

/** Handed to `onProgress` after each item. */
export interface BatchProgress<Item, Result> {
  readonly done: number;
  readonly total: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly outcome: BatchOutcome<Item, Result>;
}

/** The whole batch, when it is over. */
export interface BatchSummary<Item, Result> {
  readonly batchId: string;
  /** One per item, in the items' order. */
  readonly outcomes: readonly BatchOutcome<Item, Result>[];
  readonly succeeded: number;
  readonly failed: number;
  readonly cancelled: number;
  /** Of those that succeeded, how many came from the store. */
  readonly replayed: number;
  /** Items that failed or were not begun: run them, or the whole batch, again under the same `batchId`. */
  readonly remaining: readonly Item[];
}

/** A promise of the summary that is also an async iterable of the outcomes as they come. */
export type BatchRun<Item, Result> = Promise<BatchSummary<Item, Result>> &
  AsyncIterable<BatchOutcome<Item, Result>>;

/** Options of {@link runBatch}. */
export interface BatchOptions<Item, Result> {
  /** Names this batch. The same items under another name are another batch, with other keys. */
  readonly batchId: string;
  /**
   * What identifies an item: its row id, order number, file name. No two items may share it. Default: the
   * item's whole content, which has to be plain data then; of identical items, the second, third, … are told
   * apart by count.
   */
  readonly itemId?: (item: Item, index: number) => KeyPart;
  /** Items worked on at once. Default 4. */
  readonly concurrency?: number;
  /**
   * Called after each item, in the order in which they finish. Throwing ends the batch with what was thrown.
   */
  readonly onProgress?: (progress: BatchProgress<Item, Result>) => void;
  /**
   * Stops the batch: what has not been begun is `cancelled`, what is being worked on is told through its own
   * signal.
   */
  readonly signal?: AbortSignal;
  /** Remembers results (as JSON) under the items' keys. Default: none. */
  readonly store?: ResultStore;
}

const DEFAULT_CONCURRENCY = 4;
const MOST_CONCURRENCY = 1_000;

/**
 * Runs a worker over every item, each with a key of its own that depends on `batchId` and the item, not on
 * when or where in the list it is run. One item's failure is that item's outcome; an abort is an outcome too,
 * so the summary always says what is left to do.
 *
 * A re-run under the same `batchId` repeats nothing that succeeded, provided one of these remembers the
 * success:
 * - the **server**: the worker sends `key` as `Idempotency-Key` to the gateway, or to an API that honours it.
 *   Each item is asked for again and answered from the record, within the server's time limit (the gateway's
 *   `TTL_SECONDS`) and only while the request is the same, byte for byte;
 * - a durable **store** (`SqliteStore`): items on record are not asked for again at all. An item that took
 *   effect without its result reaching the store (a crash in between) is run again, and only the server can
 *   make that harmless.
 *
 * Both together close both gaps. With neither, a re-run repeats everything.
 *
 * @throws {TypeError} at once for an option that makes no sense; from the promise for items without an
 * identity
 *
 * @example
 * ```ts
 * const run = runBatch(invoices, async (invoice, { key, signal }) => {
 *   const headers = { 'Idempotency-Key': key };
 *   const body = JSON.stringify(invoice);
 *   const response = await fetchOnce(url, { method: 'POST', headers, body, signal });
 *   if (!response.ok) throw new Error(`status ${response.status}`);
 *   return response.json();
 * }, { batchId: 'november', itemId: (invoice) => invoice.number, concurrency: 8 });
 * for await (const outcome of run) console.log(outcome.index, outcome.status);
 * const { succeeded, remaining } = await run;
 * ```
 */
export function runBatch<Item, Result>(
  items: Iterable<Item>,
  worker: (item: Item, context: WorkerContext) => Result | Promise<Result>,
  options: BatchOptions<Item, Result>,
): BatchRun<Item, Result> {
  checkOptionalFunction('itemId', options.itemId);
  checkOptionalFunction('onProgress', options.onProgress);
  checkOptionalStore('store', options.store);
  checkText('batchId', options.batchId);
  const concurrency = checkInteger(
    'concurrency',
    options.concurrency ?? DEFAULT_CONCURRENCY,
    1,
    MOST_CONCURRENCY,
  );
  if (typeof items?.[Symbol.iterator] !== 'function') throw new TypeError('items: expected an iterable');
  if (typeof worker !== 'function') throw new TypeError('worker: expected a function');
  if (options.signal !== undefined && !(options.signal instanceof AbortSignal)) {
    throw new TypeError('signal: expected an AbortSignal');
  }
  const batch = new Batch([...items], worker, options);
  const summary = batch.run(concurrency);
  return Object.assign(summary, { [Symbol.asyncIterator]: () => batch.finished(summary) });
}

class Batch<Item, Result> {
  readonly #items: readonly Item[];
  readonly #worker: (item: Item, context: WorkerContext) => Result | Promise<Result>;
  readonly #options: BatchOptions<Item, Result>;
  readonly #signal: AbortSignal;
  /** In the order in which they finished. */
  readonly #finished: BatchOutcome<Item, Result>[] = [];
  readonly #counts = { succeeded: 0, failed: 0, cancelled: 0, replayed: 0 };
  #over = false;
  #wake: (() => void)[] = [];

  constructor(
    items: readonly Item[],
    worker: (item: Item, context: WorkerContext) => Result | Promise<Result>,
    options: BatchOptions<Item, Result>,
  ) {
    this.#items = items;
    this.#worker = worker;
    this.#options = options;
    this.#signal = options.signal ?? new AbortController().signal;
  }

  async run(concurrency: number): Promise<BatchSummary<Item, Result>> {
    try {
      // All keys before any work: a list with two items of one identity is refused while nothing has
      // happened.
      const keys = await itemKeys(this.#items, this.#options);
      const queue = keys.entries();
      await Promise.all(Array.from({ length: concurrency }, () => this.#workThrough(queue)));
    } finally {
      this.#over = true;
      this.#wakeAll();
    }
    const outcomes = [...this.#finished].sort((a, b) => a.index - b.index);
    const remaining = outcomes.filter(({ status }) => status !== 'succeeded').map(({ item }) => item);
    return { batchId: this.#options.batchId, outcomes, ...this.#counts, remaining };
  }

  async *finished(summary: Promise<unknown>): AsyncGenerator<BatchOutcome<Item, Result>, void> {
    for (let seen = 0; ; ) {
      const news = this.#finished.slice(seen);
      seen += news.length;
      yield* news;
      if (seen < this.#finished.length) continue;
      if (this.#over) break;
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
    await summary;
  }

  /** Several of these share one queue, which is what bounds how much is under way at once. */
  async #workThrough(queue: Iterator<[number, ItemKey<Item>]>): Promise<void> {
    for (let next = queue.next(); !next.done && !this.#over; next = queue.next()) {
      const [index, { item, key }] = next.value;
      const outcome = await this.#outcomeOf(item, index, key);
      if (this.#over) return;
      try {
        this.#finish(outcome);
      } catch (error) {
        // At once: the others must not begin another item before they hear of it.
        this.#over = true;
        throw error;
      }
    }
  }

  async #outcomeOf(item: Item, index: number, key: string): Promise<BatchOutcome<Item, Result>> {
    const signal = this.#signal;
    if (signal.aborted) return { status: 'cancelled', item, index, key };
    const work = async () => this.#worker(item, { key, index, signal });
    const { store } = this.#options;
    try {
      const { value, replayed } = await until(
        store ? once(store, key, work) : work().then((result) => ({ value: result, replayed: false })),
        signal,
      );
      return { status: 'succeeded', item, index, key, value, replayed };
    } catch (error) {
      return { status: 'failed', item, index, key, error };
    }
  }

  #finish(outcome: BatchOutcome<Item, Result>): void {
    this.#finished.push(outcome);
    this.#counts[outcome.status] += 1;
    if (outcome.status === 'succeeded' && outcome.replayed) this.#counts.replayed += 1;
    this.#wakeAll();
    const { succeeded, failed } = this.#counts;
    this.#options.onProgress?.({
      done: this.#finished.length,
      total: this.#items.length,
      succeeded,
      failed,
      outcome,
    });
  }

  #wakeAll(): void {
    const waiting = this.#wake;
    this.#wake = [];
    for (const wake of waiting) wake();
  }
}
