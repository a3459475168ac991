/** @module What ledger objects say, as the API gives it. Runs in: the Worker. */

import type { Shard } from '../ask/shards.ts';
import type { ExecutionView, Failure as FailureView, RequestView } from '../inspection.ts';
import type { Execution, Failure, TimelineEntry } from './schemas.ts';

/** A ledger object, as the API names it. */
export interface ShardName {
  readonly route: string;
  readonly shard: number;
}

/** The name of a ledger object. */
export function nameOf({ route, number }: Shard): ShardName {
  return { route: route.path, shard: number };
}

/** An execution, as lists show it. */
export function toExecution(shard: Shard, view: ExecutionView): Execution {
  const { state, cause, place, status, size, repeats } = view;
  return {
    ...toRequest(shard, view),
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

/** A failed run, as lists show it. */
export function toFailure(shard: Shard, view: FailureView): Failure {
  const { reason, status, rule, keyHash } = view;
  return {
    ...toRequest(shard, view),
    reason,
    status,
    rule,
    keyHash,
    receivedAt: iso(view.receivedAt),
    failedAt: iso(view.failedAt),
  };
}

function toRequest(shard: Shard, { id, caller, method, path, trace }: RequestView) {
  return { id, ...nameOf(shard), caller, method, path, traceId: trace };
}

/** What happened to an execution, oldest first. */
export function timelineOf(execution: Execution): TimelineEntry[] {
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
