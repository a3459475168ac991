import { type Route, serviceOf } from './config.ts';
import { settlesWithin } from './deadline.ts';
import { endToEnd, requestHeaders, upstreamUrl } from './request/forward.ts';
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
  const upgrade = request.headers.get('upgrade');
  if (upgrade !== null) headers.set('upgrade', upgrade);
  const silence = new AbortController();
  const target = route.upstream.kind === 'service' ? serviceOf(env, route.upstream.name) : globalThis;
  try {
    const pending = target.fetch(upstreamUrl(route.upstream, route.stripPrefix, url), {
      method: request.method,
      headers,
      body: request.body,
      redirect: 'manual',
      signal: silence.signal,
    });
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
  const { status, statusText, webSocket } = upstream;
  if (webSocket !== null) return new Response(null, { status, headers, webSocket });
  return new Response(upstream.body, { status, statusText, headers });
}
