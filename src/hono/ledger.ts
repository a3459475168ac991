/** @module The ledger's class, as an app exports it. Runs in: the Worker. */

import type { DurableObject } from 'cloudflare:workers';
import { Ledger as OwnLedger } from '../ledger/ledger.ts';

/** A class of Durable Objects that keep a ledger. Nothing but this library calls them. */
export type LedgerClass = new (ctx: DurableObjectState, env: object) => DurableObject<object>;

/**
 * The ledger's class, to be exported from the Worker's main file under the name that the configuration calls
 * it by.
 */
export const Ledger: LedgerClass = OwnLedger;
/** An object of that class. */
export type Ledger = DurableObject<object>;

/**
 * The ledger's class for a Worker whose KV namespace for results has another name than `RESULTS`:
 * `export const Ledger = ledgerWith({ results: 'ORDER_RESULTS' })`.
 */
export function ledgerWith({ results }: { results: string }): LedgerClass {
  return class extends OwnLedger {
    constructor(ctx: DurableObjectState, env: object) {
      super(ctx, { ...env, RESULTS: Reflect.get(env, results) });
    }
  };
}
