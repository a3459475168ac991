/** @module Who sent a request. Runs in: the Worker. */

import { saysWhoSends } from '../client/credential-fields.ts';
import type { ScopeFrom, ScopePart } from '../scope-from.ts';

/** Who sent the request, as far as its credentials tell. */
export interface Caller {
  /** An unambiguous text of the credentials. It is digested at once and neither stored nor logged. */
  readonly scope: string;
  /**
   * Credentials that do not name the caller, but without which nobody gets what was made for him: `null`
   * where there are none. Another value under the same key is another request. Digested at once too.
   */
  readonly bound: string | null;
  /** True where nothing tells one caller from another. All of them share one scope. */
  readonly anonymous: boolean;
}

/**
 * Reads the caller from what its route says. `keyFields` are the header fields of the idempotency key, in
 * lower case: they are no credentials, whatever they are called. `names` are those of all fields, where the
 * caller has them already.
 *
 * With `auto`, every field that says who sends the request names the caller, and the `Cookie` field binds it:
 * a session of somebody else is not answered, and a cookie that changed runs nothing twice. Where no field
 * says so, the whole `Cookie` field names the caller. An explicit list means what it says.
 *
 * An empty field is no credential: a front end that sends `x-api-key:` for everybody does not make them one
 * caller.
 */
export function callerOf(
  headers: Headers,
  query: string,
  scopeFrom: ScopeFrom,
  keyFields: readonly string[],
  names: Iterable<string> = headers.keys(),
): Caller {
  if (scopeFrom === 'none') return { scope: '"none"', bound: null, anonymous: true };
  if (scopeFrom === 'auto') return automatic(headers, keyFields, names);
  const values = scopeFrom.map((part) => credential(headers, query, part));
  return { scope: JSON.stringify(values), bound: null, anonymous: values.every((value) => value === null) };
}

function automatic(headers: Headers, keyFields: readonly string[], names: Iterable<string>): Caller {
  const said: [name: string, value: string][] = [];
  // Names alone: to copy all values costs more than to look up those that count.
  for (const name of names) {
    if (!saysWhoSends(name) || keyFields.includes(name)) continue;
    const value = nonEmpty(headers.get(name));
    if (value !== null) said.push([name, value]);
  }
  const cookie = nonEmpty(headers.get('cookie'));
  return said.length > 0
    ? { scope: JSON.stringify(said), bound: cookie, anonymous: false }
    : { scope: JSON.stringify({ cookie }), bound: null, anonymous: cookie === null };
}

function credential(headers: Headers, query: string, { in: place, name }: ScopePart): string | null {
  switch (place) {
    case 'header':
      return nonEmpty(headers.get(name));
    case 'cookie':
      return nonEmpty(valuesOf(name, headers.get('cookie') ?? '', ';'));
    case 'query':
      return nonEmpty(valuesOf(name, query.slice(1), '&'));
  }
}

/**
 * What stands for a name in a `Cookie` field (RFC 6265bis: quotes are part of the value) or a query, as it
 * is: to decode it, or to leave out what is not in order, would make two values one. Where the name stands
 * more than once, all of them count.
 */
function valuesOf(name: string, text: string, separator: ';' | '&'): string {
  return text
    .split(separator)
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1))
    .join(separator);
}

function nonEmpty(value: string | null): string | null {
  return value === null || value.trim() === '' ? null : value;
}
