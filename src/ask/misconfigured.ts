/** @module What is wrong with the configuration where a call of the ledger failed. Runs in: the Worker. */

import { log } from '../log.ts';
import type { AskedAnswer } from '../protocol.ts';

/**
 * What only the platform can tell, by an error of the first call, before anything of a ledger has run; and
 * what to do about it.
 */
const MISTAKES: readonly { readonly by: RegExp; readonly detail: string }[] = [
  {
    by: /\bSQL is not enabled\b.*\bnew_sqlite_classes\b/,
    detail:
      'The Durable Object class of the ledger has no SQLite. Put into the Worker’s wrangler configuration: "migrations": [{ "tag": "oncegate-v1", "new_sqlite_classes": ["Ledger"] }], with no "new_classes" for it. A class that has been deployed without SQLite cannot get it: give this one another name there and in the binding’s "class_name", and export it under that name, as in export { Ledger as SqliteLedger } from "oncegate/hono".',
  },
  {
    by: /\bRPC receiver does not implement the method "execute"/,
    detail:
      'The Durable Object binding of the ledger leads to a class that is no ledger. Put into the Worker’s main file: export { Ledger } from "oncegate/hono". And into the Worker’s wrangler configuration, in the binding: "class_name": "Ledger".',
  },
];

const said = new Set<string>();

/**
 * What is wrong with the Worker's configuration that a call of the ledger failed so; `null` where it failed
 * for another reason.
 */
export function misconfiguredLedger(
  error: unknown,
): Extract<AskedAnswer, { outcome: 'misconfigured' }> | null {
  const mistake = error instanceof Error ? MISTAKES.find(({ by }) => by.test(error.message)) : undefined;
  if (mistake === undefined) return null;
  const { detail } = mistake;
  if (!said.has(detail)) log('error', 'config-invalid', { detail });
  said.add(detail);
  return { outcome: 'misconfigured', detail };
}
