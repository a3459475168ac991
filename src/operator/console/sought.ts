/**
 * @module What a list of executions is narrowed to, as it stands in the address of its page.
 * Runs in: the Worker.
 */

/** A key is there by its digest: what is in an address is kept in logs and in the browser's history. */
export const FILTERS = [
  'keyHash',
  'state',
  'route',
  'status',
  'method',
  'path',
  'caller',
  'from',
  'to',
] as const;

export type Filter = (typeof FILTERS)[number];

export type Sought = Readonly<Partial<Record<Filter | 'cursor' | 'trail', string | undefined>>>;

/** Places of pages that were gone through; the oldest are forgotten. */
const TRAIL_MAX = 30;
/** No cursor holds it. The first page has an empty one. */
const BETWEEN = '.';

/** Those of the values that narrow the list. */
export function filtersOf(sought: Sought): [Filter, string][] {
  return FILTERS.flatMap((name): [Filter, string][] => {
    const value = sought[name];
    return value === undefined ? [] : [[name, value]];
  });
}

/** The address of the page after this one. It knows the way back. */
export function olderPage(sought: Sought, next: string): string {
  const before = sought.trail === undefined ? [] : sought.trail.split(BETWEEN);
  const trail = [...before, sought.cursor ?? ''].slice(-TRAIL_MAX).join(BETWEEN);
  return `?${new URLSearchParams([...filtersOf(sought), ['cursor', next], ['trail', trail]])}`;
}

/** The address of the page before this one; `null` on the first. */
export function newerPage(sought: Sought): string | null {
  if (sought.cursor === undefined) return null;
  const trail = sought.trail?.split(BETWEEN) ?? [''];
  const cursor = trail.pop() ?? '';
  const rest: [string, string][] = [];
  if (cursor !== '') rest.push(['cursor', cursor]);
  if (trail.length > 0) rest.push(['trail', trail.join(BETWEEN)]);
  return `?${new URLSearchParams([...filtersOf(sought), ...rest])}`;
}
