/** @module Follows redirects, and takes a key to no other origin. Runs in: any runtime. */

import { saysWhoSends } from './credential-fields.ts';
import { withOrigin } from './response.ts';

/** What is sent to one place of a way that redirects lead along. */
export interface Stop {
  readonly url: string;
  readonly method: string;
  readonly headers: Headers;
  readonly body: NonNullable<RequestInit['body']> | null;
}

/** As many as the Fetch standard follows. */
const MAX_REDIRECTS = 20;

/** They describe a body, and go where it goes (Fetch standard, "request-body-header name"). */
export const BODY_HEADERS = [
  'content-encoding',
  'content-language',
  'content-location',
  'content-type',
  'content-length',
];

let shown: boolean | undefined;

/**
 * Whether this runtime shows scripts where a redirect leads. Browsers do not, for the reason that they let
 * scripts set no `Cookie` field either; so they are known by that.
 */
export function showsRedirects(): boolean {
  shown ??= new Request('http://localhost', { headers: { cookie: 'a=b' } }).headers.has('cookie');
  return shown;
}

/**
 * Follows redirects as `fetch` does, but takes a key to no other origin: a key is an agreement with one
 * server, and another one need not keep it, so that a retry would run twice there.
 *
 * - Within the origin, the key goes along with the request's method and body.
 * - A redirect that turns into a GET is followed anywhere, without the key; to another origin without
 *   credentials, too.
 * - One that would take method and body to another origin (307, 308) is not followed: the caller gets it as
 *   it came.
 */
export async function followWithinOrigin(
  first: Stop,
  keyHeader: string,
  send: (stop: Stop) => Promise<Response>,
): Promise<Response> {
  let stop = first;
  for (let redirects = 0; ; redirects += 1) {
    const response = await send(stop);
    const next = redirects < MAX_REDIRECTS ? nextStop(stop, response, keyHeader) : undefined;
    if (next === undefined) {
      if (redirects === 0) return response;
      return withOrigin(response, { url: stop.url, redirected: true, type: response.type });
    }
    // Not awaited: an unread body would hold its connection, but it must not hold up the next request.
    response.body?.cancel().catch(() => {});
    stop = next;
  }
}

function nextStop(stop: Stop, { status, headers: said }: Response, keyHeader: string): Stop | undefined {
  const url = targetOf(said.get('location'), stop.url);
  if (url === undefined || ![301, 302, 303, 307, 308].includes(status)) return undefined;
  const elsewhere = url.origin !== new URL(stop.url).origin;
  const isSafe = stop.method === 'GET' || stop.method === 'HEAD';
  const becomesGet = status === 303 ? !isSafe : status < 303 && stop.method === 'POST';
  if (elsewhere && !isSafe && !becomesGet) return undefined;

  const headers = new Headers(stop.headers);
  if (becomesGet || elsewhere) headers.delete(keyHeader);
  if (becomesGet) for (const name of BODY_HEADERS) headers.delete(name);
  if (elsewhere) {
    for (const name of [...headers.keys()]) {
      if (saysWhoSends(name) || name === 'cookie' || name === 'host') headers.delete(name);
    }
  }
  const { method, body } = becomesGet ? { method: 'GET', body: null } : stop;
  return { url: url.href, method, headers, body };
}

function targetOf(location: string | null, from: string): URL | undefined {
  if (location === null) return undefined;
  try {
    const url = new URL(location, from);
    url.hash = '';
    const isPlain = url.username === '' && url.password === '';
    return isPlain && (url.protocol === 'http:' || url.protocol === 'https:') ? url : undefined;
  } catch {
    return undefined;
  }
}
