/** @module What a request asks for, in one spelling. Runs in: the Worker. */

import { inOneSpelling } from '../path-spelling.ts';

/** A request is routed and answered in one go, so its URL is asked for twice in a row. */
let last: { readonly requestUrl: string; readonly target: URL } | null = null;

/**
 * What a request asks for, in one spelling: without dot segments and backslashes (WHATWG URL), and with
 * nothing percent-encoded that need not be (RFC 3986 §6.2.2.2). Routes match it, fingerprints cover it, and
 * the upstream gets it, so that no spelling is one path here and another there. Letters keep their case, and
 * `//` and `%2F` stay what they are.
 */
export function targetOf(requestUrl: string): URL {
  if (last?.requestUrl === requestUrl) return last.target;
  const target = new URL(requestUrl);
  if (target.pathname.includes('%')) target.pathname = inOneSpelling(target.pathname);
  last = { requestUrl, target };
  return target;
}

/** The query with its `?`, which it keeps where nothing follows; or the empty string. */
export function queryOf(target: URL): string {
  return target.search === '' && target.href.endsWith('?') ? '?' : target.search;
}
