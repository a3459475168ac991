/** @module A redirect's target as the client has to read it. Runs in: the Worker. */

import type { Route } from '../config.ts';
import { upstreamUrl } from '../request/forward.ts';

/**
 * What a response answers: the target that its client asked for, and the route by which that went upstream.
 */
export interface Place {
  readonly target: URL;
  readonly route: Pick<Route, 'upstream' | 'stripPrefix'>;
  /**
   * Where the client has it from, and so what it reads a relative reference by, where that is not the target.
   */
  readonly from?: URL;
}

/** Begins with a scheme or a host. The URL standard reads a backslash as a slash. */
const NAMES_HOST = /^\s*(?:[a-z][a-z\d+.-]*:|[\\/]{2})/i;

/**
 * A `Location` or `Content-Location` (RFC 9110 §10.2.2, §8.7) as the client has to read it, to whom the
 * gateway is the upstream: what is under the upstream's base is under the gateway's origin and the route's
 * prefix, and all else stays what the upstream meant. It is left as it is written where that is what the
 * client reads anyway.
 */
export function locationFor({ target, route, from = target }: Place, reference: string): string {
  const { upstream, stripPrefix } = route;
  const meant = URL.parse(reference, upstreamUrl(upstream, stripPrefix, target));
  if (meant === null || !/^https?:$/.test(meant.protocol)) return reference;
  const base = new URL(upstream.kind === 'url' ? upstream.base : target.origin);
  const path = pathAtGateway(meant, base, target, stripPrefix);
  const wanted = path === null ? meant : new URL(`${target.origin}${path}${meant.search}${meant.hash}`);
  if (URL.parse(reference, from.href)?.href === wanted.href) return reference;
  // A path that begins with two slashes would be read as a host.
  const asPath = path !== null && !NAMES_HOST.test(reference) && !path.startsWith('//');
  return asPath ? `${wanted.pathname}${wanted.search}${wanted.hash}` : wanted.href;
}

/**
 * The path by which the gateway is asked for what the upstream means; `null` where it is not the gateway's to
 * ask for.
 */
function pathAtGateway(meant: URL, base: URL, target: URL, stripPrefix: string): string | null {
  if (meant.username !== '' || meant.password !== '') return null;
  const toldHost = !isAt(meant, base);
  if (toldHost && meant.origin !== target.origin) return null;
  // An upstream that was told the gateway's host may know its prefix too.
  if (toldHost && below(meant.pathname, stripPrefix) !== null) return meant.pathname;
  const path = below(meant.pathname, base.pathname.replace(/\/$/, ''));
  return path === null ? null : stripPrefix + path || '/';
}

/** The same host. Behind a proxy that ends TLS, an upstream takes itself for plain HTTP. */
function isAt(meant: URL, base: URL): boolean {
  if (meant.origin === base.origin) return true;
  const secure = base.protocol === 'https:' && meant.protocol === 'http:';
  return secure && meant.host === base.hostname && base.port === '';
}

/** What is left of a path below another one, empty or with its slash; `null` where it is not below. */
function below(path: string, parent: string): string | null {
  return path === parent || path.startsWith(`${parent}/`) ? path.slice(parent.length) : null;
}
