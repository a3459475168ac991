/**
 * @module What the gateway's routes and the middleware have in common: whether a request is one to be
 * answered once, and its answer, with a line in the log. It knows no router. Runs in: the Worker.
 */

import type { Route } from './config.ts';
import {
  answerKeyed,
  type Gate,
  type Handled,
  type Keyable,
  type KeyedRoute,
  type Unkeyed,
} from './keyed.ts';
import { logRequest } from './log.ts';
import { recordEvent } from './operator/events.ts';
import { withBody } from './request/body.ts';
import { isWebSocketUpgrade } from './request/forward.ts';
import type { RequestLabels } from './request/labels.ts';
import { type SentKey, sentKey } from './request/sent-key.ts';

/**
 * What is found of a request's key without its body; `null` where the request is not keyed and goes on as it
 * is.
 */
export function keyOf(request: Request, target: URL, route: Route): SentKey | null {
  if (!route.methods.includes(request.method) || isWebSocketUpgrade(request)) return null;
  const sent = sentKey(request, target, route, null);
  return sent.kind === 'absent' && route.key === 'optional' ? null : sent;
}

/**
 * Answers a keyed request, and says so: in the log, and to Analytics Engine. Or gives it back, where its key
 * was looked for in its body and it has none and needs none. Rejects only where the gateway itself has a
 * defect.
 */
export async function answerOnce(
  keyable: Keyable,
  keyedRoute: KeyedRoute,
  gate: Gate,
  events: AnalyticsEngineDataset | null,
): Promise<Response | Unkeyed> {
  const startedAt = Date.now();
  const handled = await answerKeyed(keyable, keyedRoute, gate);
  return 'unkeyed' in handled
    ? handled
    : reported(handled, keyable.labels, keyedRoute.route, events, startedAt);
}

/** A request that turned out to have no key, with the body that was read from it as a stream again. */
export function asItCame(request: Request, { unkeyed }: Unkeyed, waitUntil: Keyable['waitUntil']): Request {
  return withBody(request, unkeyed.length === 0 ? null : unkeyed.stream(waitUntil));
}

/** The response, and what the operator learns of it. */
export function reported(
  { response, outcome, shard, keyHash, id }: Handled,
  { method, path, trace }: RequestLabels,
  route: Route,
  events: AnalyticsEngineDataset | null,
  startedAt: number,
): Response {
  const line = {
    route: route.path,
    outcome,
    status: response.status,
    shard,
    ms: Date.now() - startedAt,
    keyHash,
    id,
    method,
    path,
    trace,
  };
  logRequest(line);
  recordEvent(events, line);
  return response;
}
