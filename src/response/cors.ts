/** @module The gateway's side of CORS. Runs in: the Worker. */

import type { CorsOrigins } from '../origin.ts';

/**
 * The gateway's side of CORS (Fetch Standard §3.2). Hono's own middleware does not fit: it keeps what CORS
 * fields the upstream or the record has, exposes a list that is the same for every response, sends
 * `Access-Control-Allow-Credentials` to origins that are not listed, and takes every OPTIONS for a preflight.
 */
export interface CorsPolicy {
  readonly origins: Exclude<CorsOrigins, 'none'>;
  /** The fields that the route's clients send their key in. */
  readonly keyHeaders: readonly string[];
}

/** Fields that the gateway sets, and that a client acts on. */
const GATEWAY_FIELDS = ['Cache-Status', 'Idempotent-Replayed', 'Retry-After', 'Location', 'Link'];

/**
 * Fields that a page can read anyway (the CORS-safelisted ones), or never, or that are in the list already.
 */
const NOT_TO_EXPOSE: ReadonlySet<string> = new Set([
  'cache-control',
  'content-language',
  'content-length',
  'content-type',
  'expires',
  'last-modified',
  'pragma',
  'set-cookie',
  'set-cookie2',
  ...GATEWAY_FIELDS.map((name) => name.toLowerCase()),
]);

/**
 * The fields of a problem on a route whose CORS is the upstream's: it holds nothing secret, so every page may
 * read it.
 */
export const PUBLIC_FIELDS = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': GATEWAY_FIELDS.join(', '),
} as const;

/**
 * For how long a browser need not ask again. Chrome takes no more; each response is checked by itself all the
 * same.
 */
const MAX_AGE_SECONDS = 7_200;

/** One answer for all of them: a browser that has it does not ask again for another method. */
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];
const ALLOWED_HEADERS = ['Content-Type', 'Authorization'];

/** RFC 9110 §5.6.2. Whatever else somebody asks for is not repeated. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/**
 * The answer to a preflight, which the upstream never sees; `null` for any other request, an OPTIONS that
 * asks for nothing included. To an origin that is not allowed it says nothing, and so its preflight fails.
 *
 * Whatever method and fields are asked for are allowed: what a page may do is the upstream's to decide, by
 * the request itself.
 */
export function answerPreflight(
  request: Request,
  policy: CorsPolicy,
  maxAgeSeconds = MAX_AGE_SECONDS,
): Response | null {
  const origin = request.headers.get('origin');
  const method = request.headers.get('access-control-request-method');
  if (request.method !== 'OPTIONS' || origin === null || method === null) return null;
  const response = new Response(null, { status: 204 });
  const { headers } = response;
  headers.set('vary', 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers');
  if (!allow(headers, origin, policy.origins)) return response;

  const asked = request.headers.get('access-control-request-headers')?.split(',') ?? [];
  headers.set('access-control-allow-methods', tokens([...METHODS, method]));
  headers.set(
    'access-control-allow-headers',
    tokens([...policy.keyHeaders, ...ALLOWED_HEADERS, ...asked], (name) => name.toLowerCase()),
  );
  headers.set('access-control-max-age', String(maxAgeSeconds));
  // To let a public page into a private network is for somebody who named that page (Private Network Access).
  if (policy.origins !== '*' && request.headers.get('access-control-request-private-network') === 'true') {
    headers.set('access-control-allow-private-network', 'true');
  }
  return response;
}

/**
 * The same where only the gateway itself will answer, as no route takes the request, no configuration serves
 * it, or a result is asked for at an address that the upstream does not know: every page may ask, and read
 * the problem. The browser must not remember that: there may be a route the next moment, with an upstream
 * that has its own say.
 */
export function answerPreflightToGateway(request: Request): Response | null {
  return answerPreflight(request, { origins: '*', keyHeaders: [] }, 0);
}

/**
 * Makes the CORS fields of a response the gateway's own, in place, whoever set those that it has: the
 * upstream, for the caller whose request was recorded, or a problem. `origin` is that of the request, if it
 * has one.
 *
 * The upstream's fields are exposed by their names, as `*` means nothing where credentials are allowed.
 */
export function shareResponse(headers: Headers, origin: string | null, origins: CorsPolicy['origins']): void {
  const exposed = [...GATEWAY_FIELDS];
  const foreign: string[] = [];
  for (const [name] of headers) {
    if (name.startsWith('access-control-')) foreign.push(name);
    else if (!NOT_TO_EXPOSE.has(name)) exposed.push(name);
  }
  for (const name of foreign) headers.delete(name);
  if (origins !== '*') varyByOrigin(headers);
  if (allow(headers, origin, origins)) headers.set('access-control-expose-headers', exposed.join(', '));
}

/**
 * Allows the origin to read, if it may; tells whether it may. Credentials go with origins that somebody
 * named, never with all of them: any site could act as its visitor. Under `*` every response says so, also to
 * a request without an origin, since a cache may give it to a page later.
 */
function allow(headers: Headers, origin: string | null, origins: CorsPolicy['origins']): boolean {
  if (origins === '*') {
    headers.set('access-control-allow-origin', '*');
    return true;
  }
  if (origin === null || !origins.includes(origin)) return false;
  headers.set('access-control-allow-origin', origin);
  headers.set('access-control-allow-credentials', 'true');
  return true;
}

function varyByOrigin(headers: Headers): void {
  const varies = headers.get('vary')?.toLowerCase().split(',') ?? [];
  if (!varies.some((name) => ['origin', '*'].includes(name.trim()))) headers.append('vary', 'Origin');
}

/** A field's list, each token once. Methods differ by their case, names of fields do not. */
function tokens(list: readonly string[], identity = (token: string) => token): string {
  const distinct = new Map<string, string>();
  for (const entry of list) {
    const token = entry.trim();
    if (TOKEN.test(token) && !distinct.has(identity(token))) distinct.set(identity(token), token);
  }
  return [...distinct.values()].join(', ');
}
