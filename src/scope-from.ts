/** @module Where a route finds out who the caller is: `SCOPE_FROM`. Runs in: the Worker. */

/** Where a route finds out who the caller is: `SCOPE_FROM`. */
export type ScopeFrom =
  /** Every field that says who sends a request. */
  | 'auto'
  /** All callers are one. */
  | 'none'
  | readonly ScopePart[];

/** One part of a request that says who the caller is. */
export interface ScopePart {
  readonly in: 'header' | 'cookie' | 'query';
  /** A header's name is in lower case. */
  readonly name: string;
}

/** `SCOPE_FROM` as it is written in the settings. */
export function scopeText(scopeFrom: ScopeFrom): string {
  if (typeof scopeFrom === 'string') return scopeFrom;
  return scopeFrom.map((part) => (part.in === 'header' ? part.name : `${part.in}:${part.name}`)).join(', ');
}
