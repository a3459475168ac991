/**
 * The client side of "once": a `fetch` that retries safely, keys, batches that can be run again, and stores.
 * No dependencies; Node ≥ 20, browsers, Workers, Deno and Bun. Runs in: any runtime.
 *
 * @module
 */

export {
  type BatchOptions,
  type BatchOutcome,
  type BatchProgress,
  type BatchRun,
  type BatchSummary,
  runBatch,
  type WorkerContext,
} from './batch.ts';
export { BrokenBodyError, KeyReusedError, RetriesExhaustedError } from './errors.ts';
export { idempotentFetch } from './fetch.ts';
export { deterministicKey, type KeyPart, randomKey, requestKey } from './keys.ts';
export { MemoryStore, type MemoryStoreOptions } from './memory-store.ts';
export type {
  IdempotentFetchOptions,
  ReplayEvent,
  RetryCause,
  RetryEvent,
  UnrecordedEvent,
} from './options.ts';
export { type OnceResult, once, type ResultStore } from './store.ts';
