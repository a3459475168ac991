/** @module JSON pointers (RFC 6901). Runs in: the Worker. */

/**
 * The tokens of a JSON pointer (RFC 6901), unescaped: `/a~1b/0` is `a/b`, then `0`. `null` where the text is
 * none, or has a `~` that escapes nothing. The empty pointer, which is the whole document, is no place for
 * what is looked for here.
 */
export function pointerTokens(text: string): readonly string[] | null {
  if (!text.startsWith('/') || /~(?![01])/.test(text)) return null;
  return text
    .slice(1)
    .split('/')
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
}
