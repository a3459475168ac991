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
 *
 * An empty field is no credential: a front end that sends `x-api-key:` for everybody does not make them one caller.
 */
export function callerOf(headers: Headers, scopeHeaders: readonly string[]): Caller {
  const values = scopeHeaders.map((entry) => credential(headers, entry));
  if (values.some((value) => value !== null)) return { scope: JSON.stringify(values), anonymous: false };
  const cookie = nonEmpty(headers.get('cookie'));
  return { scope: JSON.stringify({ cookie }), anonymous: cookie === null };
}

function credential(headers: Headers, entry: string): string | null {
  if (!entry.startsWith('cookie:')) return nonEmpty(headers.get(entry));
  return cookieValues(headers.get('cookie') ?? '', entry.slice('cookie:'.length));
}

/**
 * What stands for a cookie in the field, as it is: to decode it, or to leave out what is no proper cookie, would make two
 * values one. Where the name stands more than once, all of them count.
 */
function cookieValues(cookie: string, name: string): string | null {
  const values = cookie
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1));
  return nonEmpty(values.join(';'));
}

function nonEmpty(value: string | null): string | null {
  return value === null || value.trim() === '' ? null : value;
}
