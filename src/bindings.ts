/**
 * @module What the Worker is bound to, told by what each kind can do. Runs in: the Worker, the ledger object.
 */

import type { LedgerNamespace } from './inspection.ts';

/** A service binding of this name. Throws where there is none: the configuration has checked it. */
export function serviceOf(env: object, name: string): Fetcher {
  const service: unknown = Reflect.get(env, name);
  if (!isFetcher(service)) throw new Error(`${name} is not a service binding`);
  return service;
}

/** The KV namespace that results are stored in. Throws where there is none. */
export function resultsOf(env: object): KVNamespace {
  const results: unknown = Reflect.get(env, 'RESULTS');
  if (!isKvNamespace(results)) throw new Error('RESULTS is not a KV namespace binding');
  return results;
}

/** Whether it is a service binding. */
export function isFetcher(binding: unknown): binding is Fetcher {
  return typeof binding === 'object' && binding !== null && 'fetch' in binding;
}

/** Whether it is a namespace of Durable Objects. */
export function isLedgerNamespace(binding: unknown): binding is LedgerNamespace {
  return typeof binding === 'object' && binding !== null && 'getByName' in binding;
}

/** Whether it is a dataset of Analytics Engine. */
export function isDataset(binding: unknown): binding is AnalyticsEngineDataset {
  return typeof binding === 'object' && binding !== null && 'writeDataPoint' in binding;
}

/** Whether it is a KV namespace. */
export function isKvNamespace(binding: unknown): binding is KVNamespace {
  return typeof binding === 'object' && binding !== null && 'getWithMetadata' in binding;
}

/** Whether it is a rate limiter. */
export function isRateLimit(binding: unknown): binding is RateLimit {
  return typeof binding === 'object' && binding !== null && 'limit' in binding;
}
