/**
 * @module What a list of executions is narrowed to, as it stands in the address of its page.
 * Runs in: the Worker.
 */

/** The key is given by its digest: addresses are kept in logs and in the browser's history. */
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

/** The name of one filter. */
export type Filter = (typeof FILTERS)[number];

/** The parameters in the address of a list’s page: its filters, and which page it is. */
export type ListParams = Readonly<Partial<Record<Filter | 'cursor' | 'trail', string | undefined>>>;

/** The most pages that a trail remembers; the oldest are dropped. */
const TRAIL_MAX = 30;
/** Stands between the cursors of a trail; none holds it. That of the first page is empty. */
const BETWEEN = '.';

/** Those of the values that narrow the list. */
export function filtersOf(params: ListParams): [Filter, string][] {
  return FILTERS.flatMap((name): [Filter, string][] => {
    const value = params[name];
    return value === undefined ? [] : [[name, value]];
  });
}

/** The address of the page after this one. It knows the way back. */
export function olderPage(params: ListParams, next: string): string {
  const before = params.trail === undefined ? [] : params.trail.split(BETWEEN);
  const trail = [...before, params.cursor ?? ''].slice(-TRAIL_MAX).join(BETWEEN);
  return `?${new URLSearchParams([...filtersOf(params), ['cursor', next], ['trail', trail]])}`;
}

/** The address of the page before this one; `null` on the first. */
export function newerPage(params: ListParams): string | null {
  if (params.cursor === undefined) return null;
  const trail = params.trail?.split(BETWEEN) ?? [''];
  const cursor = trail.pop() ?? '';
  const rest: [string, string][] = [];
  if (cursor !== '') rest.push(['cursor', cursor]);
  if (trail.length > 0) rest.push(['trail', trail.join(BETWEEN)]);
  return `?${new URLSearchParams([...filtersOf(params), ...rest])}`;
}
