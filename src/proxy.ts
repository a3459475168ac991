import { type Route, serviceOf } from './config.ts';
import { settlesWithin } from './deadline.ts';
import { endToEnd, isWebSocketUpgrade, requestHeaders, statusOf, upstreamUrl } from './request/forward.ts';
import { cacheStatus } from './response/cache-status.ts';

export type ProxyResult =
  | { readonly kind: 'response'; readonly response: Response }
  | {
      readonly kind: 'no-response';
      readonly reason: 'upstream-unreachable' | 'upstream-timeout';
      readonly error: unknown;
    };

/** Sends a request that has no key on to the upstream, streaming both ways, WebSocket upgrades included. */
export async function proxy(request: Request, url: URL, route: Route, env: object): Promise<ProxyResult> {
  const headers = requestHeaders(request.headers);
  if (isWebSocketUpgrade(request)) headers.set('upgrade', 'websocket');
  const silence = new AbortController();
  const target = route.upstream.kind === 'service' ? serviceOf(env, route.upstream.name) : globalThis;
  try {
    // A request made from the client's keeps its body as it is, even that of a GET.
    const sent = new Request(upstreamUrl(route.upstream, route.stripPrefix, url), request);
    const pending = target.fetch(new Request(sent, { headers, redirect: 'manual', signal: silence.signal }));
    if (!(await settlesWithin(pending, route.upstreamTimeoutSeconds * 1000))) {
      silence.abort();
      await pending.catch(() => {});
      return { kind: 'no-response', reason: 'upstream-timeout', error: 'no head in time' };
    }
    return { kind: 'response', response: handedOn(await pending) };
  } catch (error) {
    return { kind: 'no-response', reason: 'upstream-unreachable', error };
  }
}

/** The body is not looked at, so that it passes as it is, its coding included. */
function handedOn(upstream: Response): Response {
  const headers = endToEnd(upstream.headers);
  headers.append('cache-status', cacheStatus({ kind: 'bypass' }));
  const { statusText, webSocket } = upstream;
  if (webSocket !== null) return new Response(null, { status: 101, headers, webSocket });
  return new Response(upstream.body, { status: statusOf(upstream), statusText, headers });
}
