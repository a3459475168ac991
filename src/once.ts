/**
 * @module What the gateway's routes and the middleware have in common: whether a request is one to be answered once, and its
 * answer, with a line in the log. It knows no router. Runs in: the Worker.
 */
import type { Route } from './config.ts';
import { answerKeyed, type Gate, type Handled, type Keyable, type KeyedRoute } from './keyed.ts';
import { log } from './log.ts';
import { recordEvent } from './operator/events.ts';
import { isWebSocketUpgrade } from './request/forward.ts';

/** What of a request holds its key: the field, or nothing, which the route may refuse. */
export type KeySource = Pick<Keyable, 'keyField'>;

/** Where the key of a request is; `null` where the request is not keyed and goes on as it is. */
export function keySourceOf(request: Request, route: Route): KeySource | null {
  if (!mayBeKeyed(request, route)) return null;
  const keyField = keyFieldOf(request, route);
  return keyField === null && route.key === 'optional' ? null : { keyField };
}

function mayBeKeyed(request: Request, route: Route): boolean {
  return route.methods.includes(request.method) && !isWebSocketUpgrade(request);
}

/** The field that holds the key. Where a route can do without a key, an empty field is none. */
function keyFieldOf(request: Request, route: Route): string | null {
  const field = request.headers.get(route.keyHeader);
  return field?.trim() === '' && route.key !== 'required' ? null : field;
}

/** Answers a keyed request, and says so: in the log, and to Analytics Engine. Rejects only where the gateway itself has a defect. */
export async function answerOnce(
  keyable: Keyable,
  keyedRoute: KeyedRoute,
  gate: Gate,
  events: AnalyticsEngineDataset | null,
): Promise<Response> {
  const startedAt = Date.now();
  return reported(await answerKeyed(keyable, keyedRoute, gate), keyedRoute.route, events, startedAt);
}

/** The response, and what the operator learns of it. */
export function reported(
  { response, outcome, shard, keyHash }: Handled,
  route: Route,
  events: AnalyticsEngineDataset | null,
  startedAt: number,
): Response {
  const event = { route: route.path, outcome, status: response.status, shard, ms: Date.now() - startedAt };
  log('info', 'request', { ...event, keyHash });
  recordEvent(events, event);
  return response;
}
