/** @module The preferences of a request (RFC 7240). Runs in: the Worker. */

/**
 * The longest wait that a client asks for with `Prefer: wait=N` (RFC 7240 §4.3), in seconds; without one, no
 * limit.
 */
export function preferredWaitSeconds(prefer: string | null): number {
  if (prefer === null) return Number.POSITIVE_INFINITY;
  const wait = preferencesOf(prefer).get('wait') ?? '';
  return /^\d+$/.test(wait) ? Number(wait) : Number.POSITIVE_INFINITY;
}

/**
 * How long a client that prefers to be answered later waits for the head first (RFC 7240 §4.1), in seconds;
 * `null` where it does not prefer that.
 */
export function asyncAfterSeconds(prefer: string | null): number | null {
  if (prefer === null) return null;
  const preferences = preferencesOf(prefer);
  if (!preferences.has('respond-async')) return null;
  const wait = preferences.get('wait') ?? '';
  return /^\d+$/.test(wait) ? Number(wait) : 0;
}

/** The field without what the gateway does itself of it; `null` where nothing is left. */
export function withoutAsync(prefer: string): string | null {
  const members = prefer.match(/(?:"(?:[^"\\]|\\.)*"|[^,"])+/g) ?? [];
  const left = members.filter((member) => !/^\s*(?:respond-async|wait)\s*(?:[=;]|$)/i.test(member));
  return left.length === 0 ? null : left.join(',').trim();
}

type Token = { readonly kind: 'word' | 'quoted'; readonly text: string } | { readonly kind: ',' | ';' | '=' };

/**
 * One token with the white space before it: a word (RFC 9110 §5.6.2), a quoted string (§5.6.4), or a sign
 * between them.
 */
const TOKEN = /[ \t]*(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)|"((?:[^"\\]|\\.)*)"|([,;=]))/y;

/**
 * The preferences that a `Prefer` field names (RFC 7240 §2), in small letters, each with its value or with
 * the empty one. Of two with the same name the first counts. Parameters are read, and left out. A field that
 * is not well-formed says nothing.
 *
 * It is no structured field: names have no case, white space may be around `=`, and the last of two would
 * count there.
 */
function preferencesOf(field: string): ReadonlyMap<string, string> {
  const tokens = tokensOf(field);
  const preferences = new Map<string, string>();
  if (tokens === null) return preferences;
  let at = 0;
  const next = () => tokens[at]?.kind;
  /** `NAME`, `NAME=word` or `NAME="quoted"`; `null` where there is no name, or no value after `=`. */
  const pair = (): readonly [name: string, value: string] | null => {
    const name = tokens[at];
    if (name?.kind !== 'word') return null;
    at += 1;
    if (next() !== '=') return [name.text.toLowerCase(), ''];
    const value = tokens[at + 1];
    if (value?.kind !== 'word' && value?.kind !== 'quoted') return null;
    at += 2;
    return [name.text.toLowerCase(), value.text];
  };

  while (at < tokens.length) {
    if (next() === ',') {
      at += 1;
      continue;
    }
    const preference = pair();
    if (preference === null) return new Map();
    const [name, value] = preference;
    if (!preferences.has(name)) preferences.set(name, value);
    while (next() === ';') {
      at += 1;
      if (next() === 'word' && pair() === null) return new Map();
    }
    if (at < tokens.length && next() !== ',') return new Map();
  }
  return preferences;
}

/** `null` where something is in it that is no token. */
function tokensOf(field: string): Token[] | null {
  const text = field.trimEnd();
  const tokens: Token[] = [];
  for (TOKEN.lastIndex = 0; TOKEN.lastIndex < text.length; ) {
    const [, word, quoted, sign] = TOKEN.exec(text) ?? [];
    if (word !== undefined) tokens.push({ kind: 'word', text: word });
    else if (quoted !== undefined) tokens.push({ kind: 'quoted', text: quoted.replace(/\\(.)/g, '$1') });
    else if (sign === ',' || sign === ';' || sign === '=') tokens.push({ kind: sign });
    else return null;
  }
  return tokens;
}
