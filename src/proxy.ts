/** @module A request without a key, passed on. Runs in: the Worker. */

import { serviceOf } from './bindings.ts';
import type { Route } from './config.ts';
import { settlesWithin } from './deadline.ts';
import { dropConnectionFields } from './headers.ts';
import { forwardInPlace, isWebSocketUpgrade, type OwnFields, upstreamUrl } from './request/forward.ts';
import { cacheStatus } from './response/cache-status.ts';
import { handOutInPlace } from './response/handed-out.ts';
import type { Place } from './response/location.ts';
import { statusOf } from './response/status.ts';

/** What came of a request without a key. */
export type ProxyResult =
  | { readonly kind: 'response'; readonly response: Response }
  | {
      readonly kind: 'no-response';
      readonly reason: 'upstream-unreachable' | 'upstream-timeout';
      readonly error: unknown;
    };

/** Sends a request that has no key on to the upstream, streaming both ways, WebSocket upgrades included. */
export async function proxy(
  request: Request,
  url: URL,
  route: Route,
  own: OwnFields,
  env: object,
): Promise<ProxyResult> {
  const target = route.upstream.kind === 'service' ? serviceOf(env, route.upstream.name) : globalThis;
  try {
    // A request made from the client's keeps its body as it is, even that of a GET, and follows no redirect.
    const sent = new Request(upstreamUrl(route.upstream, route.stripPrefix, url), request);
    forwardInPlace(sent.headers, route.forwarded, own);
    if (isWebSocketUpgrade(request)) sent.headers.set('upgrade', 'websocket');
    const pending = target.fetch(sent);
    if (!(await settlesWithin(pending, route.upstreamTimeoutSeconds * 1000))) {
      // The runtime ends the call with the response.
      return { kind: 'no-response', reason: 'upstream-timeout', error: 'no head in time' };
    }
    return { kind: 'response', response: handedOn(await pending, { target: url, route }) };
  } catch (error) {
    return { kind: 'no-response', reason: 'upstream-unreachable', error };
  }
}

/**
 * The body is not looked at, so that it passes as it is, its coding included. Nor are the fields: they keep
 * the bytes that they came with, which need not be UTF-8, as long as nobody reads them into a text.
 */
function handedOn(upstream: Response, place: Place): Response {
  const { statusText, webSocket, headers } = upstream;
  const response =
    webSocket === null
      ? new Response(upstream.body, { status: statusOf(upstream), statusText, headers })
      : new Response(null, { status: 101, webSocket, headers });
  dropConnectionFields(response.headers);
  handOutInPlace(response.headers, place);
  response.headers.append('cache-status', cacheStatus({ kind: 'bypass' }));
  return response;
}
