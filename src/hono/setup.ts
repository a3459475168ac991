/**
 * @module What a Worker needs for the middleware to work, and what to add to which file where something is
 * missing. Runs in: the Worker.
 */

import { Leases } from '../ask/leases.ts';
import { isDataset, isKvNamespace, isLedgerNamespace, isRateLimit } from '../bindings.ts';
import type { LedgerNamespace } from '../inspection.ts';
import type { Gate } from '../keyed.ts';
import { RequestBodies } from '../request/body.ts';
import type { CheckedOptions } from './checked-options.ts';

/** The request bodies of this isolate. */
export const bodies = new RequestBodies();

/** What the middleware works with in one environment. */
export interface Setup {
  readonly gate: Gate;
  readonly events: AnalyticsEngineDataset | null;
}

/** Or what is missing, in words for the one who builds the app. */
export type SetupResult =
  | { readonly ok: true; readonly setup: Setup }
  | { readonly ok: false; readonly missing: string };

/**
 * The oldest on which a run goes on when its client has left. `ctx.exports`, by which the ledger calls the
 * handler, is older.
 */
const COMPATIBILITY_DATE = '2026-10-01';

/**
 * Whether the platform keeps an object that still runs something. Where it does not tell, the date is not too
 * old for that.
 */
function keepsRunsAlive(): boolean {
  return Cloudflare.compatibilityFlags.durable_object_io_tasks_prevent_eviction !== false;
}

/** What responses an isolate may replay by itself, whichever middleware asks. */
const leases = new WeakMap<object, Leases>();

/** Looks at the bindings and the exports of the Worker. To be done once for each environment. */
export function setUp(
  { bindings, entrypoint }: Pick<CheckedOptions, 'bindings' | 'entrypoint'>,
  env: object,
  ctx: object,
): SetupResult {
  const missing: string[] = [];
  const ledger: unknown = Reflect.get(env, bindings.ledger);
  const results: unknown = Reflect.get(env, bindings.results);
  const exports: unknown = Reflect.get(ctx, 'exports');
  if (!isLedgerNamespace(ledger)) missing.push(withoutLedger(bindings.ledger));
  if (!isKvNamespace(results)) missing.push(withoutResults(bindings.results));
  if (!isExports(exports) || !keepsRunsAlive()) missing.push(TOO_OLD);
  if (isExports(exports)) {
    if (typeof Reflect.get(exports, entrypoint) !== 'function') missing.push(withoutEntrypoint(entrypoint));
    if (isLedgerNamespace(ledger) && !isOwnClass(ledger, exports)) {
      missing.push(withoutClass(bindings.ledger));
    }
  }
  const rateLimiter = optional(env, bindings.rateLimiter, isRateLimit, 'rate limiting', missing);
  const events = optional(env, bindings.events, isDataset, 'Analytics Engine', missing);
  if (missing.length > 0 || !isLedgerNamespace(ledger) || !isKvNamespace(results)) {
    return { ok: false, missing: missing.join(' ') };
  }
  const shared = leases.get(env) ?? new Leases();
  leases.set(env, shared);
  return { ok: true, setup: { gate: { ledger, results, rateLimiter, leases: shared, bodies }, events } };
}

/**
 * Where a wrapper of the app keeps something back, the ledger's own calls could not be told from anybody's.
 */
export const WITHOUT_CTX =
  'The app does not get the invocation’s context as it is. In the Worker’s main file, hand it on: export default app, or fetch: (request, env, ctx) => app.fetch(request, env, ctx).';

const TOO_OLD = `The Worker’s compatibility date is too old for the ledger to run a handler to its end. Put into wrangler.jsonc: "compatibility_date": "${COMPATIBILITY_DATE}" (or a later one).`;

function withoutLedger(name: string): string {
  return `There is no Durable Object binding ${name}. Put into wrangler.jsonc: "durable_objects": { "bindings": [{ "name": "${name}", "class_name": "Ledger" }] }, "migrations": [{ "tag": "oncegate-v1", "new_sqlite_classes": ["Ledger"] }]. And into the Worker’s main file: export { Ledger } from "oncegate/hono".`;
}

function withoutResults(name: string): string {
  return `There is no KV namespace binding ${name}. Put into wrangler.jsonc: "kv_namespaces": [{ "binding": "${name}" }].`;
}

function withoutClass(name: string): string {
  return `The binding ${name} leads to no class of this Worker with storage. Put into the Worker’s main file: export { Ledger } from "oncegate/hono". And into wrangler.jsonc: "migrations": [{ "tag": "oncegate-v1", "new_sqlite_classes": ["Ledger"] }], with no "script_name" in the binding.`;
}

function withoutEntrypoint(name: string): string {
  return name === 'default'
    ? 'The Worker has no default export that handles requests. Put into its main file: export default app.'
    : `The Worker has no export ${name} that handles requests, which the option entrypoint names.`;
}

/**
 * Whether the binding's objects are of a class of this Worker, so that their `ctx.exports` has this Worker's
 * handler.
 */
function isOwnClass(ledger: LedgerNamespace, exports: object): boolean {
  const id = ledger.idFromName('').toString();
  return Object.values(exports).some(
    (other) => isOwnNamespace(other) && other.idFromName('').toString() === id,
  );
}

/** What `ctx.exports` has for a class with storage. It can be called, too. */
function isOwnNamespace(other: unknown): other is Pick<LedgerNamespace, 'idFromName'> {
  return typeof other === 'function' && 'idFromName' in other;
}

function isExports(exports: unknown): exports is object {
  return typeof exports === 'object' && exports !== null;
}

function optional<T>(
  env: object,
  name: string | null,
  isKind: (binding: unknown) => binding is T,
  kind: string,
  missing: string[],
): T | null {
  if (name === null) return null;
  const binding: unknown = Reflect.get(env, name);
  if (isKind(binding)) return binding;
  missing.push(`The option bindings names ${name}, which is no ${kind} binding of wrangler.jsonc.`);
  return null;
}
