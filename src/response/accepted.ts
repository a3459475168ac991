import { OPERATOR_PREFIX } from '../settings.ts';
import { cacheStatus } from './cache-status.ts';

/** Where results are fetched that were not waited for. What follows is the path of the request, and its query. */
export const RESULTS_PREFIX = `${OPERATOR_PREFIX}/results`;

/** A run that is worth waiting for apart takes seconds at least. */
const RETRY_AFTER_SECONDS = 2;

/**
 * What a caller gets who did not want to wait (RFC 7240 §4.1, RFC 9110 §15.3.3): where to ask for the result, and how soon. `base`: the
 * path that stands before the prefix.
 */
export function acceptedResponse(target: URL, base: string): Response {
  return new Response(JSON.stringify({ status: 'running' }), {
    status: 202,
    headers: {
      'content-type': 'application/json',
      'cache-control': 'no-store',
      'preference-applied': 'respond-async',
      'retry-after': String(RETRY_AFTER_SECONDS),
      location: `${target.origin}${base}${RESULTS_PREFIX}${target.pathname}${target.search}`,
      'cache-status': cacheStatus({ kind: 'accepted' }),
    },
  });
}
