/**
 * @module `results()`: where the results of requests are fetched that nobody waited for. Runs in: the Worker.
 */

import { type Context, Hono, type MiddlewareHandler } from 'hono';
import { matchedRoutes, routePath } from 'hono/route';
import { requestedTarget } from '../asynchronous.ts';
import { targetOf } from '../request/target.ts';
import { problemResponse } from '../response/problem.ts';
import { configInvalid, contextOf, type Said } from './invocation.ts';
import type { ResultsApp, ResultsOptions } from './options.ts';
import {
  answersReturns,
  isServedBy,
  OF_ANOTHER_APP,
  type Return,
  returnOf,
  setPlace,
  setReturn,
} from './results-place.ts';

/**
 * Middleware that answers under `/_oncegate/results/` those who come back for a result, where `idempotency()`
 * has the option `respondAsync`. To be put before everything else: `app.use(results({ app }))`.
 * `operator({ app })` does it as well.
 *
 * Who comes back goes the way of the request itself through the app, as far as `idempotency()`: what finds
 * out who the caller is does so again, and no handler runs.
 */
export function results({ app }: ResultsOptions): MiddlewareHandler {
  return resultsOn(() => true, app);
}

/** The same, on those hosts alone of which `isHere` says so. */
export function resultsOn(isHere: (target: URL) => boolean, app: ResultsApp): MiddlewareHandler {
  const said: Said = new Set();
  const ways = new Map<string, Way>();
  let isNeeded: boolean | null = null;
  return async (c, next) => {
    isNeeded ??= app.routes.some(({ handler }) => answersReturns(handler));
    // Who has come back is on the way already.
    if (!isNeeded || returnOf(c) !== undefined) return next();
    const base = routePath(c).replace(/\/?\*$/, '');
    setPlace(c, { routes: app.routes, base });
    const asked = askedRequest(c.req.raw, base, isHere);
    if (asked === null) return next();
    if (!isServedBy(app.routes, c)) return configInvalid(c, OF_ANOTHER_APP, said);
    const way = ways.get(base) ?? wayThrough(app, base);
    ways.set(base, way);
    return way.fetch(asked, c.env, contextOf(c) ?? undefined);
  };
}

/** A GET, or the preflight of one, of what the result is of; `null` where none is asked for. */
function askedRequest(request: Request, base: string, isHere: (target: URL) => boolean): Request | null {
  const { method, url } = request;
  if (method !== 'GET' && method !== 'HEAD' && !isPreflight(request)) return null;
  const target = requestedTarget(targetOf(url), base);
  if (target === null || !isHere(target)) return null;
  const asked = new Request(target.href, request);
  return method === 'HEAD' ? new Request(asked, { method: 'GET' }) : asked;
}

function isPreflight({ method, headers }: Request): boolean {
  return method === 'OPTIONS' && headers.has('access-control-request-method');
}

type Way = Hono<{ Bindings: object }>;

/**
 * The way through an app to what is behind `idempotency()`: what it has for every method, which is its
 * middleware. Its handlers of a GET are not on it. Nobody gets by this way what the path alone would have
 * given, which may be guarded by its name.
 */
function wayThrough(app: ResultsApp, base: string): Way {
  const way: Way = new Hono({ getPath: app.getPath });
  way.use(async (c, next) => {
    if (!matchedRoutes(c).some(({ handler }) => answersReturns(handler))) return nothingHere(c);
    const asked: Return = { base, isPreflight: isPreflight(c.req.raw), isAnswered: false };
    setReturn(c, asked);
    await next();
    if (!isToBeGiven(asked, c.res)) c.res = nothingHere(c);
    else if (asked.isPreflight) c.res = new Response(null, { status: 204, headers: c.res.headers });
    return;
  });
  for (const { method, path, handler } of app.routes) if (method === 'ALL') way.all(path, handler);
  way.notFound(nothingHere);
  // It is the app's to answer.
  way.onError((error) => {
    throw error;
  });
  return way;
}

/** What the middleware says, or something before it that does not let the request come there. */
function isToBeGiven({ isPreflight, isAnswered }: Return, { ok, status, headers }: Response): boolean {
  if (isPreflight) return ok && headers.has('access-control-allow-origin');
  return isAnswered || status >= 300;
}

function nothingHere(c: Context): Response {
  const url = new URL(c.req.url);
  return problemResponse(url, {
    slug: 'route-not-found',
    detail: `No results are kept for ${url.pathname}.`,
  });
}
