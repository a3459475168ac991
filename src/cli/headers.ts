/** @module The fields of `--header`. Runs in: Node. */

import { EXIT, Exit } from './exit.ts';

/** The fields of `--header 'NAME: VALUE'`, as often as it was given. */
export function headersFrom(fields: readonly string[]): Headers {
  const headers = new Headers();
  for (const field of fields) {
    const colon = field.indexOf(':');
    try {
      headers.set(field.slice(0, Math.max(0, colon)).trim(), field.slice(colon + 1).trim());
    } catch {
      throw new Exit(EXIT.usage, `--header takes a field such as 'x-team: shop'.`);
    }
  }
  return headers;
}
