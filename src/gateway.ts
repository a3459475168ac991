/** @module The gateway as an app: its routes, CORS, and what it says where none fits. Runs in: the Worker. */

import { type Context, Hono, type MiddlewareHandler } from 'hono';
import { Leases } from './ask/leases.ts';
import { answerResult, requestedTarget } from './asynchronous.ts';
import { type BadSetting, type Config, configOf, type Route } from './config.ts';
import { keyHeadersOf, resultKeyFrom } from './key-from.ts';
import type { Gate, Keyable, KeyedRoute } from './keyed.ts';
import { log, requestFields, textOf } from './log.ts';
import { answerOnce, asItCame, keyOf, reported } from './once.ts';
import { operatorSurface } from './operator/operator.ts';
import { isOperatorHost } from './operator/operator-host.ts';
import { addOwnPages } from './operator/own-pages.ts';
import { problemPage } from './operator/problem-page.tsx';
import type { UpstreamGuard } from './operator/upstream-guard.ts';
import { policyOf } from './policy.ts';
import { proxy } from './proxy.ts';
import { acceptEncodingOf } from './request/accept-encoding.ts';
import { isUnread, RequestBodies } from './request/body.ts';
import type { OwnFields } from './request/forward.ts';
import { wayHere } from './request/forwarded.ts';
import { labelsOf } from './request/labels.ts';
import { targetOf } from './request/target.ts';
import { hasBeenAt, pseudonymOf, viaEntry } from './request/via.ts';
import { RESULTS_PREFIX } from './response/accepted.ts';
import { cacheStatus } from './response/cache-status.ts';
import {
  answerPreflight,
  answerPreflightToGateway,
  type CorsPolicy,
  shareResponse,
} from './response/cors.ts';
import { problemResponse } from './response/problem.ts';
import { noResponseProblem } from './response/refusal.ts';
import { OPERATOR_PREFIX } from './settings.ts';
import { unknownSettings } from './unknown-settings.ts';

type App = Hono<{ Bindings: object }>;
type RequestContext = Context<{ Bindings: object }>;

const apps = new WeakMap<object, App>();

/** The request bodies of this isolate. */
const bodies = new RequestBodies();

/**
 * Answers a request. One that is answered before its body was read has it dropped first, so that the client
 * gets the answer.
 */
export async function answer(request: Request, env: object, ctx: ExecutionContext): Promise<Response> {
  const response = await gatewayOf(env).fetch(request, env, ctx);
  if (isUnread(request)) await bodies.drop(request);
  return response;
}

/** The gateway for this environment, made once per isolate. */
export function gatewayOf(env: object): App {
  const before = apps.get(env);
  if (before !== undefined) return before;
  const result = configOf(env);
  const unknown = unknownSettings(env);
  if (unknown.length > 0) log('warn', 'setting-unknown', { detail: sayWhatIsWrong(unknown) });
  const app = result.ok ? gateway(result.config) : misconfigured([...result.bad, ...unknown]);
  apps.set(env, app);
  return app;
}

function gateway(config: Config): App {
  const app: App = new Hono({ getPath: (request) => targetOf(request.url).pathname });
  const { ledger, results, rateLimiter, events, operatorHost } = config;
  const gate = { ledger, results, rateLimiter, leases: new Leases(), bodies };
  const surface = operatorSurface(config);
  const { guard } = surface;
  addResults(app, config, gate, guard);
  addOwnPages(app, config, surface);
  if (operatorHost !== null) {
    app.use((c, next) =>
      isOperatorHost(operatorHost, new URL(c.req.url)) ? Promise.resolve(notFound(c.req.url)) : next(),
    );
  }
  const parts = { gate, events, pseudonym: pseudonymOf(ledger, config.routes) };
  for (const route of config.routes) {
    const { path, corsOrigins: origins } = route;
    const keyHeaders = keyHeadersOf(route.keyFrom);
    if (origins !== 'none') app.use(path, crossOrigin({ origins, keyHeaders }));
    const keyedRoute = { route, policy: JSON.stringify(policyOf(route, config)) };
    const pass = (c: RequestContext) => handle(c, parts, keyedRoute);
    app.all(path, (c) => guard?.around(c.req.raw, () => pass(c)) ?? pass(c));
  }
  app.notFound((c) => answerPreflightToGateway(c.req.raw) ?? notFound(c.req.url));
  app.onError((error, c) => unexpected(error, c.req.raw));
  return app;
}

/** Where the results of routes with RESPOND_ASYNC are fetched. The operator's own host has none. */
function addResults(app: App, config: Config, gate: Gate, guard: UpstreamGuard | null): void {
  const { operatorHost } = config;
  for (const route of config.routes) {
    if (!route.respondAsync) continue;
    const { path, corsOrigins: origins } = route;
    const at = `${RESULTS_PREFIX}${path}`;
    const keyHeaders = keyHeadersOf(resultKeyFrom(route.keyFrom));
    if (origins !== 'none') app.use(at, crossOrigin({ origins, keyHeaders }));
    // The upstream knows no such address. To ask changes nothing, and who may read the answer is still its to
    // say.
    else app.options(at, async (c, next) => answerPreflightToGateway(c.req.raw) ?? next());
    app.get(at, async (c, next) => {
      const target = targetOf(c.req.url);
      const of = requestedTarget(target, '');
      if (of === null || (operatorHost !== null && isOperatorHost(operatorHost, target))) return next();
      const startedAt = Date.now();
      const labels = labelsOf(c.req.raw, target);
      const asked = { request: c.req.raw, target: of, labels, caller: null, resultsBase: '' };
      const fetchIt = async () =>
        reported(await answerResult(asked, route, gate), labels, route, config.events, startedAt);
      return guard === null ? fetchIt() : guard.keptApart(c.req.raw, fetchIt);
    });
  }
  // Where there is none: who asks with credentials of his own is not to be taken for one who tries the
  // operator's token.
  app.all(`${RESULTS_PREFIX}/*`, async (c, next) => {
    const target = targetOf(c.req.url);
    if (operatorHost !== null && isOperatorHost(operatorHost, target)) return next();
    const detail = 'No route hands out results at this address. Send the request itself again.';
    return problemResponse(target, { slug: 'result-absent', detail });
  });
}

/**
 * A gateway with an invalid setting lets nothing through. Only the pages that explain problems are served.
 */
function misconfigured(bad: readonly BadSetting[]): App {
  const detail = sayWhatIsWrong(bad);
  log('error', 'config-invalid', { detail });
  const app: App = new Hono();
  app.get(`${OPERATOR_PREFIX}/problems/:slug`, problemPage);
  const invalid = (c: RequestContext) =>
    problemResponse(new URL(c.req.url), { slug: 'config-invalid', detail });
  app.all(`${OPERATOR_PREFIX}/*`, invalid);
  app.all('*', (c) => answerPreflightToGateway(c.req.raw) ?? invalid(c));
  return app;
}

function sayWhatIsWrong(settings: readonly BadSetting[]): string {
  const text = settings.map(({ setting, why }) => `${setting} ${why}`).join('; ');
  return text.endsWith('?') ? text : `${text}.`;
}

/**
 * What pages of other origins get of a route whose CORS is the gateway's: preflights answered here, and its
 * fields on all else.
 */
function crossOrigin(policy: CorsPolicy): MiddlewareHandler {
  return async (c, next) => {
    const preflight = answerPreflight(c.req.raw, policy);
    if (preflight !== null) return preflight;
    // A defect of the route has become its problem by then.
    await next();
    shareResponse(c.res.headers, c.req.raw.headers.get('origin'), policy.origins);
    return;
  };
}

/** What all requests of a gateway share. */
interface Parts {
  readonly gate: Gate;
  readonly events: Config['events'];
  /** The gateway's name in `Via`. */
  readonly pseudonym: string;
}

/** One request of a route: keyed, or a plain proxy. */
async function handle(c: RequestContext, parts: Parts, keyedRoute: KeyedRoute): Promise<Response> {
  const { route } = keyedRoute;
  const request = c.req.raw;
  const url = targetOf(c.req.url);
  if (hasBeenAt(parts.pseudonym, request.headers)) return looped(request, url, route);
  const sent = keyOf(request, url, route);
  if (sent === null) return passOn(request, url, route, parts, c.env);
  const waitUntil = (promise: Promise<unknown>) => c.executionCtx.waitUntil(promise);
  const keyable: Keyable = {
    request,
    target: url,
    labels: labelsOf(request, url),
    sent,
    along: { to: 'upstream', own: ownFields(route, url, parts.pseudonym) },
    caller: null,
    resultsBase: '',
    waitUntil,
  };
  const answer = await answerOnce(keyable, keyedRoute, parts.gate, parts.events);
  if (answer instanceof Response) return answer;
  return passOn(asItCame(request, answer, waitUntil), url, route, parts, c.env);
}

function ownFields(route: Route, target: URL, pseudonym: string): Omit<OwnFields, 'acceptEncoding'> {
  return { via: viaEntry(pseudonym), wayHere: wayHere(route.forwarded, target) };
}

async function passOn(
  request: Request,
  url: URL,
  route: Route,
  { pseudonym }: Parts,
  env: object,
): Promise<Response> {
  const own = { ...ownFields(route, url, pseudonym), acceptEncoding: acceptEncodingOf(request) };
  const result = await proxy(request, url, route, own, env);
  if (result.kind === 'response') return result.response;
  const about = requestFields({ id: null, ...labelsOf(request, url) });
  log('warn', 'upstream-gave-no-response', { route: route.path, reason: textOf(result.error), ...about });
  return problemResponse(url, {
    ...noResponseProblem(result.reason),
    cacheStatus: cacheStatus({ kind: 'bypass' }),
  });
}

/** The request came back from the upstream that it was sent to. */
function looped(request: Request, url: URL, route: Route): Response {
  const about = requestFields({ id: null, ...labelsOf(request, url) });
  log('error', 'loop-detected', { route: route.path, ...about });
  return problemResponse(url, {
    slug: 'loop-detected',
    detail:
      'This request has been at this gateway before: the upstream of its route leads back here. It was not sent on.',
    cacheStatus: cacheStatus({ kind: 'refused', reason: 'loop-detected' }),
  });
}

function notFound(requestUrl: string): Response {
  const url = new URL(requestUrl);
  return problemResponse(url, { slug: 'route-not-found', detail: `No route matches ${url.pathname}.` });
}

/** A defect of the gateway itself. Whether something was sent is not known, and the client is told so. */
function unexpected(error: Error, request: Request): Response {
  const url = targetOf(request.url);
  const about = requestFields({ id: null, ...labelsOf(request, url) });
  log('error', 'unexpected', { reason: textOf(error), stack: error.stack ?? null, ...about });
  return problemResponse(url, noResponseProblem('upstream-unreachable'));
}
