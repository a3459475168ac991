import { parse } from 'hono/utils/cookie';

/** Who sent the request, as far as its credentials tell. */
export interface Caller {
  /** An unambiguous text of the credentials. It is digested at once and neither stored nor logged. */
  readonly scope: string;
  /** True where the request carries no credential at all. Such callers share one scope. */
  readonly anonymous: boolean;
}

/**
 * Reads the caller from the scope headers of its route. An entry `cookie:NAME` takes one cookie's value. With none
 * of them present, the whole `Cookie` field is the scope; with that absent too, the caller is anonymous.
 */
export function callerOf(headers: Headers, scopeHeaders: readonly string[]): Caller {
  const values = scopeHeaders.map((entry) => credential(headers, entry));
  if (values.some((value) => value !== null)) return { scope: JSON.stringify(values), anonymous: false };
  const cookie = headers.get('cookie');
  return { scope: JSON.stringify({ cookie }), anonymous: cookie === null };
}

function credential(headers: Headers, entry: string): string | null {
  if (!entry.startsWith('cookie:')) return headers.get(entry);
  const name = entry.slice('cookie:'.length);
  return parse(headers.get('cookie') ?? '', name)[name] ?? null;
}
