/** @module The fields of a request that is sent on. Runs in: the Worker. */

import type { Route, Upstream } from '../config.ts';
import { dropConnectionFields, endToEnd, type HeaderList } from '../headers.ts';
import { type KeyPlace, keyHeadersOf } from '../key-from.ts';
import { OF_THE_WAY_HERE } from './forwarded.ts';
import { queryOf } from './target.ts';

/**
 * What follows from the URL and the body of the next request; an `Expect` has been met by the time the body
 * is here.
 */
const OF_THIS_REQUEST: ReadonlySet<string> = new Set(['host', 'content-length', 'expect']);

/**
 * What the gateway says itself to the upstream. Each field takes the place of the client's, but for `Via`,
 * which adds to it.
 */
export interface OwnFields {
  readonly via: string;
  readonly wayHere: HeaderList;
  readonly acceptEncoding: string | null;
}

/** The key of a request, as it goes on. */
export interface KeyToSend {
  /** Where it was found; `null` where the gateway made it of the request itself. */
  readonly place: KeyPlace | null;
  /** As the value of a field. */
  readonly field: string;
}

/**
 * The fields of a keyed request as the ledger sends it on: the client's, the gateway's own, and the
 * idempotency key in the field that the upstream gets it in, if any. Where that is not the one in which it
 * came, no field that may hold a key goes on.
 */
export function keyedHeaders(
  headers: Headers,
  route: Pick<Route, 'keyFrom' | 'forwardKeyAs' | 'forwarded'>,
  key: KeyToSend,
  { via, wayHere, acceptEncoding }: OwnFields,
): HeaderList {
  const { keyFrom, forwardKeyAs, forwarded } = route;
  const keyName = keyFieldName(route, key);
  const others = forwardKeyAs.kind === 'as-it-came' ? [] : keyHeadersOf(keyFrom);
  const replaced = [...others, keyName, 'accept-encoding'].map((name) => name?.toLowerCase());
  const kept = endToEnd(headers).filter(
    ([name]) =>
      !OF_THIS_REQUEST.has(name) &&
      !replaced.includes(name) &&
      (forwarded === 'pass' || !OF_THE_WAY_HERE.has(name)),
  );
  return [
    ...kept,
    ['via', via],
    ...wayHere,
    ...(acceptEncoding === null ? [] : [['accept-encoding', acceptEncoding] as const]),
    ...(keyName === null ? [] : [[keyName, key.field] as const]),
  ];
}

/**
 * These follow from the next request's own body, or would begin another conversation. All else the handler
 * sees as it came.
 */
const OF_THE_CONVERSATION: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
]);

/** The fields of a keyed request for the Worker's own handler, on the same host. */
export function headersAsTheyCame(headers: Headers): HeaderList {
  // No body has no length of its own, and whoever says that it has none is to be heard.
  return [...headers].filter(
    ([name, value]) => !OF_THE_CONVERSATION.has(name) || (name === 'content-length' && value === '0'),
  );
}

/** The field that the upstream gets the key in; `null` where it gets it in none. */
function keyFieldName(
  { keyFrom, forwardKeyAs }: Pick<Route, 'keyFrom' | 'forwardKeyAs'>,
  { place }: KeyToSend,
): string | null {
  switch (forwardKeyAs.kind) {
    case 'in':
      return forwardKeyAs.name;
    case 'dropped':
      return null;
    case 'as-it-came':
      // A key that came in nothing goes on in what clients may send one in.
      if (place === null) return keyHeadersOf(keyFrom)[0] ?? null;
      return place.in === 'header' ? place.name : null;
  }
}

/**
 * Makes the fields of a received request those of the one that is sent on instead, with the gateway's own. In
 * place, as to copy `Headers` costs more than all that is done to them.
 */
export function forwardInPlace(
  headers: Headers,
  forwarded: Route['forwarded'],
  { via, wayHere, acceptEncoding }: OwnFields,
): void {
  dropConnectionFields(headers);
  for (const name of OF_THIS_REQUEST) headers.delete(name);
  if (forwarded !== 'pass') for (const name of OF_THE_WAY_HERE) headers.delete(name);
  for (const [name, value] of wayHere) headers.set(name, value);
  if (acceptEncoding === null) headers.delete('accept-encoding');
  else headers.set('accept-encoding', acceptEncoding);
  headers.append('via', via);
}

/**
 * Whether the connection is to become a WebSocket (RFC 6455), the one upgrade that a Worker can pass on. Any
 * other is declined by ignoring it (RFC 9110 §7.8): Java's client offers `h2c` with every plain request, and
 * its key counts all the same.
 */
export function isWebSocketUpgrade(request: Request): boolean {
  return request.method === 'GET' && request.headers.get('upgrade')?.toLowerCase() === 'websocket';
}

/**
 * Where a request goes: the upstream's base URL with the target's path, less the route's prefix, and its
 * query appended. A service gets the host that the client named; the host of a URL is its own, and no path
 * can name another.
 */
export function upstreamUrl(upstream: Upstream, stripPrefix: string, target: URL): string {
  const base = upstream.kind === 'url' ? upstream.base : target.origin;
  return base + withoutPrefix(target.pathname, stripPrefix) + queryOf(target);
}

/** `/openai/v1` without `/openai` is `/v1`; `/openaiX` does not have that prefix. */
function withoutPrefix(path: string, prefix: string): string {
  if (prefix === '' || !(path === prefix || path.startsWith(`${prefix}/`))) return path;
  return path.slice(prefix.length) || '/';
}
