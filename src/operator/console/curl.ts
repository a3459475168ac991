/** @module A `curl` that repeats a request's shape. Runs in: the Worker. */

import type { KeyFrom } from '../../key-from.ts';

/** Stands for the key. */
const KEY = 'THE-KEY';

/** A command that sends a request of this shape, with its key where the route looks first. */
export function curlOf(gate: string, method: string, path: string, [place]: KeyFrom): string {
  const query = place?.in === 'query' ? `?${encodeURIComponent(place.name)}=${KEY}` : '';
  const lines = [`curl -i -X ${method} ${quoted(`${gate}${path}${query}`)}`];
  if (place?.in === 'header') lines.push(`-H ${quoted(`${place.name}: ${KEY}`)}`);
  if (place?.in === 'json') lines.push(`--json '{}' # with the key at ${place.text.replaceAll(/\s/g, ' ')}`);
  return lines.join(' \\\n  ');
}

/** Quotes a text as one word for a shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
