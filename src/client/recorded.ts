/**
 * What a response says about where it comes from:
 * `recorded` (replayed), `collapsed` (joined to a running execution), `first` (this request's own execution, to be
 * recorded), or `unknown` (a server that says nothing, or that will not record it).
 */
export type Provenance = 'recorded' | 'collapsed' | 'first' | 'unknown';

const REPLAYED_HEADER = 'Idempotent-Replayed';

/** One list member of a structured field: a comma within quotes does not end it. */
const MEMBER = /(?:"(?:[^"\\]|\\.)*"|[^",])+/g;

/** Whether the response is marked as a replay of a recorded one. */
export function isReplayed(headers: Headers): boolean {
  return headers.get(REPLAYED_HEADER)?.trim().toLowerCase() === 'true';
}

/** Marks headers as those of a replay. */
export function markReplayed(headers: Headers): void {
  headers.set(REPLAYED_HEADER, 'true');
}

/** Reads the gateway's own member of `Cache-Status` (RFC 9211), among those of other caches on the way. */
export function provenance(headers: Headers): Provenance {
  if (isReplayed(headers)) return 'recorded';
  for (const member of headers.get('cache-status')?.match(MEMBER) ?? []) {
    const [cache, ...parameters] = member.split(';').map((piece) => piece.trim());
    if (cache !== 'oncegate' && cache !== '"oncegate"') continue;
    const says = new Set(parameters);
    if (says.has('hit')) return 'recorded';
    if (says.has('collapsed')) return 'collapsed';
    if (says.has('stored')) return 'first';
  }
  return 'unknown';
}
