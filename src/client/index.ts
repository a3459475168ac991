/**
 * The client side of "once": a `fetch` that retries safely, keys, batches that can be run again, and stores.
 * No dependencies; Node ≥ 20, browsers, Workers, Deno and Bun.
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
} from './batch.js';
export { BrokenBodyError, KeyReusedError, RetriesExhaustedError } from './errors.js';
export { idempotentFetch } from './fetch.js';
export { deterministicKey, type KeyPart, randomKey, requestKey } from './keys.js';
export { MemoryStore, type MemoryStoreOptions } from './memory-store.js';
export type {
  IdempotentFetchOptions,
  ReplayEvent,
  RetryCause,
  RetryEvent,
  UnrecordedEvent,
} from './options.js';
export { type OnceResult, once, type ResultStore } from './store.js';
