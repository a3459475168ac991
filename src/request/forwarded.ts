/** @module What the upstream is told of how the gateway was reached. Runs in: the Worker. */

import type { Route } from '../config.ts';
import type { HeaderList } from '../headers.ts';

/**
 * What a client may not say for itself where the gateway says it: by which host, scheme and path it was
 * reached (RFC 7239, and the fields that were there before it). `X-Forwarded-For` is the edge's, and others
 * of that name are credentials.
 */
export const OF_THE_WAY_HERE: ReadonlySet<string> = new Set([
  'forwarded',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-prefix',
  'x-forwarded-proto',
  'x-forwarded-scheme',
  'x-forwarded-server',
  'x-forwarded-ssl',
]);

/** What the upstream is told of the way here, by the route's `FORWARDED`. */
export function wayHere(forwarded: Route['forwarded'], target: URL): HeaderList {
  if (forwarded !== 'set') return [];
  return [
    ['x-forwarded-host', target.host],
    ['x-forwarded-proto', target.protocol.slice(0, -1)],
  ];
}
