/**
 * @module oncegate/hono: idempotency for a Hono app on Cloudflare Workers. The handler behind the middleware
 * runs once for each idempotency key; every retry within the TTL gets its recorded response.
 * Runs in: the Worker.
 *
 *
 * @example
 * ```ts
 * import { Hono } from 'hono';
 * import { idempotency, Ledger } from 'oncegate/hono';
 *
 * const app = new Hono();
 * app.use('/orders/*', idempotency({ ttlSeconds: 172_800, unknownOutcome: 'refuse' }));
 * app.post('/orders', (c) => c.json({ ordered: c.get('idempotency')?.key }, 201));
 *
 * export { Ledger };
 * export default app;
 * ```
 */

import type { Idempotency } from './options.ts';

export { idempotency } from './idempotency.ts';
export { Ledger, type LedgerClass, ledgerWith } from './ledger.ts';
export { type OperatorOptions, operator } from './operator.ts';
export type {
  Idempotency,
  IdempotencyBindings,
  IdempotencyOptions,
  ResultsApp,
  ResultsOptions,
  ScopeValue,
} from './options.ts';
export { results } from './results.ts';

declare module 'hono' {
  interface ContextVariableMap {
    /** What the handler runs for, behind `idempotency()`; `undefined` where the request is not keyed. */
    idempotency: Idempotency | undefined;
  }
}
