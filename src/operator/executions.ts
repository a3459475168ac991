/** Finding, showing and forgetting executions, over all ledger objects of all routes. */
import * as v from 'valibot';
import { shardOf } from '../ask/ask.ts';
import { askShards, type Shard, shardsOf } from '../ask/shards.ts';
import type { Config } from '../config.ts';
import { compareNewestFirst, type ExecutionView, type Forgotten, type Position } from '../protocol.ts';
import { sha256 } from '../request/digest.ts';
import { parseKey } from '../request/key.ts';
import type { Execution, ExecutionDetail, ExecutionList, ListQueryInput, TimelineEntry } from './schemas.ts';

export type ListResult =
  | { readonly kind: 'list'; readonly list: ExecutionList }
  | { readonly kind: 'bad-query'; readonly why: string };

/** What is looked for. A key may also be named by its digest, which is no secret to be kept out of a URL. */
export type ListQuery = ListQueryInput & { readonly keyHash?: string | undefined };

/** The newest executions that match, from the cursor on. */
export async function listExecutions(config: Config, query: ListQuery): Promise<ListResult> {
  const routes =
    query.route === undefined ? config.routes : config.routes.filter(({ path }) => path === query.route);
  if (routes.length === 0) {
    const known = config.routes.map(({ path }) => path).join(', ');
    return { kind: 'bad-query', why: `route must be one of ${known}.` };
  }
  const after = query.cursor === undefined ? null : decodeCursor(query.cursor);
  if (query.cursor !== undefined && after === null) {
    return { kind: 'bad-query', why: 'cursor is not one that a page before has given.' };
  }
  const limit = Number(query.limit);
  const keyHash = query.keyHash ?? (query.key === undefined ? null : await hashOfKey(query.key));

  const { answers, unanswered } = await askShards(config, shardsOf(routes), (ledger) =>
    // One more than is shown tells whether there is another page.
    ledger.list({ keyHash, state: query.state ?? null, after, limit: limit + 1 }),
  );
  const found = answers
    .flatMap(({ shard, value }) => value.map((view) => ({ shard, view })))
    .sort((a, b) => compareNewestFirst(a.view, b.view));
  const shown = found.slice(0, limit);
  const last = shown.at(-1);
  return {
    kind: 'list',
    list: {
      executions: shown.map(({ shard, view }) => toExecution(shard, view)),
      next: last !== undefined && found.length > limit ? encodeCursor(last.view) : null,
      unanswered: unanswered.map(nameOf),
    },
  };
}

export type FindResult =
  | { readonly kind: 'found'; readonly execution: ExecutionDetail }
  | { readonly kind: 'absent' }
  /** Not found where it could be looked for, and these did not answer. */
  | { readonly kind: 'unanswered'; readonly shards: readonly ShardName[] };

interface ShardName {
  readonly route: string;
  readonly shard: number;
}

export async function findExecution(config: Config, id: string): Promise<FindResult> {
  const { answers, unanswered } = await askShards(config, candidates(config, id), (ledger) =>
    ledger.inspect(id),
  );
  for (const { shard, value } of answers) {
    if (value === null) continue;
    const execution = toExecution(shard, value);
    return { kind: 'found', execution: { ...execution, timeline: timelineOf(execution) } };
  }
  return unanswered.length > 0 ? { kind: 'unanswered', shards: unanswered.map(nameOf) } : { kind: 'absent' };
}

export type ForgetResult = Forgotten | 'unanswered';

/** Why something was not forgotten, as a status and in words. */
export const FORGET_PROBLEMS = {
  absent: [404, 'There is nothing to forget: it was never seen, it failed, or its time has ended.'],
  running: [409, 'It is running. Forget it when it has ended.'],
  unanswered: [503, 'The ledger or RESULTS does not answer, so it may still be known. Try again.'],
} as const;

/** The record has to be gone from KV first, and leases have to end. */
const FORGET_WITHIN_MS = 15_000;

/** Forgets an execution. `unanswered`: its ledger object, or RESULTS, is out of reach, and it may still be known. */
export async function forgetExecution(config: Config, id: string): Promise<ForgetResult> {
  const { answers, unanswered } = await askShards(
    config,
    candidates(config, id),
    (ledger) => ledger.forget(id),
    FORGET_WITHIN_MS,
  );
  const told = answers.find(({ value }) => value !== 'absent')?.value;
  return told ?? (unanswered.length > 0 ? 'unanswered' : 'absent');
}

/** An id says in which ledger object of a route it would be, but not of which route it is. */
function candidates(config: Config, id: string): Shard[] {
  return config.routes.map((route) => ({ route, number: shardOf(id, route.shards) }));
}

/** The digest of a key that an operator typed: as the header shows it, quoted or bare, or as it is, with spaces. */
export function hashOfKey(typed: string): Promise<string> {
  const parsed = parseKey(typed);
  return sha256(parsed.kind === 'key' ? parsed.key : typed);
}

function nameOf({ route, number }: Shard): ShardName {
  return { route: route.path, shard: number };
}

function toExecution({ route, number }: Shard, view: ExecutionView): Execution {
  const { id, state, cause, place, status, size, repeats } = view;
  return {
    id,
    route: route.path,
    shard: number,
    state,
    cause,
    place,
    status,
    bytes: size,
    receivedAt: iso(view.receivedAt),
    sentAt: isoOrNull(view.sentAt),
    headAt: isoOrNull(view.headAt),
    recordedAt: isoOrNull(view.recordedAt),
    archivedAt: isoOrNull(view.archivedAt),
    expiresAt: iso(view.expiresAt),
    lastRepeatAt: isoOrNull(repeats.lastAt),
    replays: repeats.replays,
    joins: repeats.joins,
    refusals: { ...repeats.refusals },
  };
}

function timelineOf(execution: Execution): TimelineEntry[] {
  const entries: { at: string | null; event: TimelineEntry['event'] }[] = [
    { at: execution.receivedAt, event: 'received' },
    { at: execution.sentAt, event: 'sent' },
    { at: execution.headAt, event: 'head' },
    { at: execution.recordedAt, event: 'recorded' },
    { at: execution.archivedAt, event: 'archived' },
    { at: execution.lastRepeatAt, event: 'last-repeat' },
    { at: execution.expiresAt, event: 'expires' },
  ];
  return entries
    .flatMap(({ at, event }) => (at === null ? [] : [{ at, event }]))
    .sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

function isoOrNull(ms: number | null): string | null {
  return ms === null ? null : iso(ms);
}

const cursorFields = v.tuple([v.pipe(v.number(), v.integer()), v.string()]);

function encodeCursor({ receivedAt, id }: Position): string {
  return btoa(JSON.stringify([receivedAt, id]));
}

function decodeCursor(cursor: string): Position | null {
  try {
    const [receivedAt, id] = v.parse(cursorFields, JSON.parse(atob(cursor)));
    return { receivedAt, id };
  } catch {
    return null;
  }
}
