/**
 * @module Lists of executions and of failures, over all ledger objects of all routes. Runs in: the Worker.
 */

import { askShards, type ShardAnswers, shardsOf } from '../ask/shards.ts';
import type { Config, Route } from '../config.ts';
import { compareNewestFirst, type ListFilter, type ListPart, type Position } from '../inspection.ts';
import { sha256 } from '../request/digest.ts';
import { parseKey } from '../request/key.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';
import {
  type Execution,
  type ExecutionList,
  type FailureList,
  type FailuresQueryInput,
  type ListQueryInput,
  utcMs,
} from './schemas.ts';
import { nameOf, toExecution, toFailure } from './views.ts';

/** A list, or why the query is bad. */
export type ListResult<List = ExecutionList> =
  | { readonly kind: 'list'; readonly list: List }
  | { readonly kind: 'bad-query'; readonly why: string };

/** A query for a list. A key may also be given by its digest, which need not be kept out of URLs. */
export type ListQuery = ListQueryInput & { readonly keyHash?: string | undefined };

/**
 * Where too little matches, a page asks each ledger object to look on, up to this many times. Between two
 * looks, requests get through.
 */
const SEARCH_LOOKS = 10;
/** After this time a page is given as it is. */
const SEARCH_MAX_MS = 5_000;

/** The newest executions that match, from the cursor on. `looks: 1` makes a cheap page. */
export async function listExecutions(
  config: Config,
  query: ListQuery,
  looks = SEARCH_LOOKS,
): Promise<ListResult> {
  const routes = routesOf(config, query.route);
  if (routes === null) return unknownRoute(config);
  let after = query.cursor === undefined ? null : decodeCursor(query.cursor);
  if (query.cursor !== undefined && after === null) {
    return { kind: 'bad-query', why: 'cursor is not one that a page before has given.' };
  }
  const filter = await filterOf(query);
  const limit = Number(query.limit);
  const startedAt = Date.now();
  const found: Execution[] = [];
  let shards = shardsOf(routes);
  for (let look = 1; ; look += 1) {
    const from = after;
    const left = limit - found.length;
    // One more than is shown tells whether there is another page.
    const asked = { ...filter, after: from, limit: left + 1 };
    const answered = await askShards(config, shards, (ledger) => ledger.list(asked));
    const part = merged(answered, left);
    found.push(...part.executions);
    after = part.lookedTo;
    const isDone = after === null || found.length >= limit || look >= looks;
    if (isDone || part.unanswered.length > 0 || Date.now() - startedAt > SEARCH_MAX_MS) {
      const next = after === null ? null : encodeCursor(after);
      return { kind: 'list', list: { executions: found, next, unanswered: [...part.unanswered] } };
    }
    shards = answered.answers.filter(({ value }) => hasMore(value, after)).map(({ shard }) => shard);
  }
}

/** Whether a ledger object may have more that match behind this place. */
function hasMore({ executions, lookedTo }: ListPart, place: Position | null): boolean {
  if (lookedTo !== null) return true;
  return place !== null && executions.some((view) => compareNewestFirst(view, place) > 0);
}

interface Merged extends Omit<ExecutionList, 'next'> {
  readonly lookedTo: Position | null;
}

/**
 * Merges what ledger objects have found. The list ends where the object that looked least far back stopped:
 * what is older is left for the next look.
 */
export function merged({ answers, unanswered }: ShardAnswers<ListPart, Route>, limit: number): Merged {
  const horizons = answers.flatMap(({ value: { lookedTo } }) => (lookedTo === null ? [] : [lookedTo]));
  const horizon = horizons.sort(compareNewestFirst)[0] ?? null;
  const within = answers
    .flatMap(({ shard, value }) => value.executions.map((view) => ({ shard, view })))
    .filter(({ view }) => horizon === null || compareNewestFirst(view, horizon) <= 0)
    .sort((a, b) => compareNewestFirst(a.view, b.view));
  const shown = within.slice(0, limit);
  const last = shown.at(-1)?.view;
  return {
    executions: shown.map(({ shard, view }) => toExecution(shard, view)),
    lookedTo:
      within.length > limit && last !== undefined ? { receivedAt: last.receivedAt, id: last.id } : horizon,
    unanswered: unanswered.map(nameOf),
  };
}

/** The runs that failed lately, newest first: at most as many as the ledger objects keep. */
export async function listFailures(
  config: Config,
  query: Omit<FailuresQueryInput, 'key'> & { readonly keyHash?: string | undefined },
): Promise<ListResult<FailureList>> {
  const routes = routesOf(config, query.route);
  if (routes === null) return unknownRoute(config);
  const { keyHash = null } = query;
  const limit = Number(query.limit);
  const { answers, unanswered } = await askShards(config, shardsOf(routes), (ledger) =>
    ledger.failures(limit, keyHash),
  );
  const failures = answers
    .flatMap(({ shard, value }) => value.map((view) => ({ shard, view })))
    .sort((a, b) => b.view.failedAt - a.view.failedAt)
    .slice(0, limit)
    .map(({ shard, view }) => toFailure(shard, view));
  return { kind: 'list', list: { failures, unanswered: unanswered.map(nameOf) } };
}

/**
 * The digest of a key that an operator typed: as the header shows it, quoted or bare, or as it is, with
 * spaces.
 */
export function hashOfKey(typed: string): Promise<string> {
  const parsed = parseKey(typed);
  return sha256(parsed.kind === 'key' ? parsed.key : typed);
}

/** The query as ledger objects take it. */
async function filterOf(query: ListQuery): Promise<ListFilter> {
  const { key, state = null, status, method = null, path = null, caller = null, from, to } = query;
  return {
    keyHash: query.keyHash ?? (key === undefined ? null : await hashOfKey(key)),
    state,
    status: status === undefined ? null : Number(status),
    method,
    path,
    caller,
    from: from === undefined ? null : utcMs(from),
    to: to === undefined ? null : utcMs(to),
  };
}

/** `null` where there is no such route. */
function routesOf(config: Config, path: string | undefined): readonly Route[] | null {
  if (path === undefined) return config.routes;
  const routes = config.routes.filter((route) => route.path === path);
  return routes.length === 0 ? null : routes;
}

function unknownRoute(config: Config): { readonly kind: 'bad-query'; readonly why: string } {
  const known = config.routes.map(({ path }) => path).join(', ');
  return { kind: 'bad-query', why: `route must be one of ${known}.` };
}
