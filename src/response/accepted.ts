/** @module What a caller gets who does not wait. Runs in: the Worker. */

import { OPERATOR_PREFIX } from '../settings.ts';
import { cacheStatus } from './cache-status.ts';
import { PUBLIC_FIELDS } from './cors.ts';

/**
 * Where results are fetched that were not waited for. What follows is the path of the request, and its query.
 */
export const RESULTS_PREFIX = `${OPERATOR_PREFIX}/results`;

/** A run that is worth waiting for apart takes seconds at least. */
const RETRY_AFTER_SECONDS = 2;

/** Where the result of a request is fetched. `base`: the path that stands before the prefix. */
export function resultAddress(target: URL, base: string): string {
  return `${target.origin}${base}${RESULTS_PREFIX}${target.pathname}${target.search}`;
}

/**
 * What a caller gets who did not want to wait (RFC 7240 §4.1, RFC 9110 §15.3.3): where to ask for the result,
 * and how soon. As with a problem, every page may read it where the route's CORS is the upstream's, who has
 * not said anything yet.
 */
export function acceptedResponse(target: URL, base: string): Response {
  return new Response(JSON.stringify({ status: 'running' }), {
    status: 202,
    headers: {
      ...PUBLIC_FIELDS,
      'access-control-expose-headers': `${PUBLIC_FIELDS['access-control-expose-headers']}, Preference-Applied`,
      'content-type': 'application/json',
      'cache-control': 'no-store',
      'preference-applied': 'respond-async',
      'retry-after': String(RETRY_AFTER_SECONDS),
      location: resultAddress(target, base),
      'cache-status': cacheStatus({ kind: 'accepted' }),
    },
  });
}
