/** @module What the ledger is told of a route. Runs in: the Worker. */

import type { Config, Route } from './config.ts';
import type { Policy } from './protocol.ts';

const SECOND_MS = 1_000;

/** What the ledger has to know of a route. It goes along with every call. */
export function policyOf(route: Route, { hotSeconds }: Pick<Config, 'hotSeconds'>): Policy {
  const { upstream } = route;
  return {
    route: route.path,
    sendTo: upstream.kind === 'url' ? { kind: 'url' } : upstream,
    ttlMs: route.ttlSeconds * SECOND_MS,
    hotMs: hotSeconds * SECOND_MS,
    concurrent: route.concurrent,
    unknownOutcome: route.unknownOutcome,
    recordStatuses: route.recordStatuses,
    failedWhen: route.failedWhen,
    upstreamTimeoutMs: route.upstreamTimeoutSeconds * SECOND_MS,
    cancelAfterMs: route.cancelAfterSeconds === null ? null : route.cancelAfterSeconds * SECOND_MS,
    maxRequestBytes: route.maxRequestBytes,
    maxRecordBytes: route.maxRecordBytes,
    resultsFromBytes: route.resultsFromBytes,
    maxRunningPerCaller: route.maxRunningPerCaller,
    maxStoredBytesPerCaller: route.maxStoredBytesPerCaller,
  };
}
