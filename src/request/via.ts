/** @module This gateway's name in a chain of gateways. Runs in: the Worker. */

import type { Route } from '../config.ts';
import type { LedgerNamespace } from '../inspection.ts';

/** How many characters of a digest tell one gateway from another in a chain of a few. */
const PSEUDONYM_DIGITS = 8;

/**
 * By which name this gateway enters itself in `Via` (RFC 9110 §7.6.3): `oncegate-3f9a2c1b`. It is the same in
 * every isolate, and another one for each deployment and for other upstreams, so that gateways may stand in a
 * row, and only one that stands behind itself meets its own name. Made by the ledger's namespace, whose names
 * are keyed digests: it gives no setting away.
 */
export function pseudonymOf(ledger: LedgerNamespace, routes: readonly Route[]): string {
  const digest = routes.reduce((before, { path, upstream }) => {
    const where = upstream.kind === 'url' ? upstream.base : upstream.name;
    return ledger.idFromName(`via ${before} ${path} ${where}`).toString();
  }, '');
  return `oncegate-${digest.slice(0, PSEUDONYM_DIGITS)}`;
}

/** The gateway's own entry. */
export function viaEntry(pseudonym: string): string {
  return `1.1 ${pseudonym}`;
}

/** Whether the request has been here before: to pass it on would send it round once more. */
export function hasBeenAt(pseudonym: string, headers: Headers): boolean {
  const via = headers.get('via');
  return via?.split(',').some((entry) => entry.trim().split(/\s+/)[1] === pseudonym) === true;
}
