import type { Upstream } from '../config.ts';

/** RFC 9110 §7.6.1 and the fields of the connection that older specifications name. */
const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

/** A header list in order; `Set-Cookie` keeps its repetitions. Plain values, so that it can cross to the ledger. */
export type HeaderList = readonly (readonly [name: string, value: string])[];

/** The fields that go on to the next hop: all but those of this connection and those that `Connection` names. */
export function endToEnd(headers: Headers): Headers {
  const kept = new Headers(headers);
  for (const option of (headers.get('connection') ?? '').split(',')) {
    const name = option.trim();
    if (/^[\w!#$%&'*+.^`|~-]+$/.test(name)) kept.delete(name);
  }
  for (const name of HOP_BY_HOP) kept.delete(name);
  return kept;
}

/**
 * The fields of a forwarded request, with the gateway's entry in `Via` (RFC 9110 §7.6.3). `Host` and `Content-Length`
 * follow from the URL and the body; an `Expect` has been met by the time the body is here.
 */
export function requestHeaders(headers: Headers): Headers {
  const kept = endToEnd(headers);
  for (const name of ['host', 'content-length', 'expect']) kept.delete(name);
  kept.append('via', '1.1 oncegate');
  return kept;
}

/**
 * Whether the connection is to become a WebSocket (RFC 6455), the one upgrade that a Worker can pass on. Any other is declined by
 * ignoring it (RFC 9110 §7.8): Java's client offers `h2c` with every plain request, and its key counts all the same.
 */
export function isWebSocketUpgrade(request: Request): boolean {
  return request.method === 'GET' && request.headers.get('upgrade')?.toLowerCase() === 'websocket';
}

/** The upstream's status. One that HTTP does not have is taken for a server error (RFC 9110 §15). */
export function statusOf(response: Response): number {
  return response.status >= 200 && response.status <= 599 ? response.status : 502;
}

/**
 * Where a request goes: the upstream's base URL with the request's path, less the route's prefix, and its query
 * appended. The host is always the upstream's; a path cannot name another one.
 */
export function upstreamUrl(upstream: Upstream, stripPrefix: string, requestUrl: URL): string {
  const path = withoutPrefix(requestUrl.pathname, stripPrefix);
  if (upstream.kind === 'service') {
    const url = new URL(requestUrl);
    url.pathname = path;
    return url.href;
  }
  const url = new URL(upstream.base);
  url.pathname = url.pathname.replace(/\/+$/, '') + path;
  url.search = requestUrl.search;
  return url.href;
}

/** `/openai/v1` without `/openai` is `/v1`; `/openaiX` does not have that prefix. */
function withoutPrefix(path: string, prefix: string): string {
  if (prefix === '' || !(path === prefix || path.startsWith(`${prefix}/`))) return path;
  return path.slice(prefix.length) || '/';
}
