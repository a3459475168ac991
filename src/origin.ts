/** @module Origins of pages, as `CORS_ORIGINS` names them. Runs in: the Worker. */

/**
 * Which origins' pages may read what a route answers: `none` leaves that to the upstream, `*` is every
 * origin.
 */
export type CorsOrigins = 'none' | '*' | readonly string[];

/**
 * What browsers of apps and extensions send: `capacitor://localhost`, `chrome-extension://…`. URLs know no
 * origin for them.
 */
const APP_ORIGIN = /^(?!https?:)[a-z][a-z\d+.-]*:\/\/[a-z\d._-]+(?::\d{1,5})?$/;

/**
 * What is wrong with a text that stands for an origin, or `null` where nothing is. It has to be spelt as
 * browsers spell it in `Origin` (RFC 6454 §6.1), since it is compared with that byte by byte:
 * `scheme://host`, in lower case, with a port where it is not the scheme's own, and nothing behind it.
 */
export function faultOfOrigin(text: string): string | null {
  if (text.toLowerCase() === 'null') {
    return 'must not hold null, which every sandboxed frame and every local file sends: whoever wants in could';
  }
  const quoted = JSON.stringify(text);
  if (text.includes('*')) {
    return `must name each origin by itself, or be * for all; ${quoted} is a pattern`;
  }
  const url = URL.parse(text);
  if (url === null || !text.includes('://')) {
    return `must be origins such as https://app.example.com; ${quoted} is not one`;
  }
  if (!/^https?:$/.test(url.protocol)) {
    return APP_ORIGIN.test(text)
      ? null
      : `must be origins, scheme://host[:port] in lower case and nothing else; ${quoted} is not one`;
  }
  return text === url.origin
    ? null
    : `must be origins as browsers send them, without a path or a slash at the end: ${url.origin}, not ${quoted}`;
}
