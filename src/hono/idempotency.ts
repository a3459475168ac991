/** @module `idempotency()`: the middleware. Runs in: the Worker. */

import type { Context, Env, MiddlewareHandler, Next } from 'hono';
import { routePath } from 'hono/route';
import { answerResult } from '../asynchronous.ts';
import type { Keyable, KeyedRoute } from '../keyed.ts';
import { log, requestFields } from '../log.ts';
import { answerOnce, asItCame, keyOf, reported } from '../once.ts';
import { type OwnRun, ownRunOf } from '../own-invocation.ts';
import { isUnread } from '../request/body.ts';
import { labelsOf } from '../request/labels.ts';
import type { SentKey } from '../request/sent-key.ts';
import { targetOf } from '../request/target.ts';
import { cacheStatus } from '../response/cache-status.ts';
import { type ProblemSlug, problemResponse } from '../response/problem.ts';
import { knownCaller } from './caller.ts';
import { checkedOptions, keyedRouteOf } from './checked-options.ts';
import { respondWith, runHandler } from './handler-run.ts';
import { configInvalid, contextOf, type Said } from './invocation.ts';
import { remember } from './mounted.ts';
import type { Idempotency, IdempotencyOptions } from './options.ts';
import { readableRequest } from './readable-request.ts';
import { isFollowed, NOWHERE, type Return, resultsPlaceOf, returnOf } from './results-place.ts';
import { bodies, type SetupResult, setUp, WITHOUT_CTX } from './setup.ts';

/**
 * Runs of the ledger's that have begun, by what its invocation was told, whose context may be wrapped anew
 * for each request. What else such an invocation asks of the app is a request like any other.
 */
const begun = new WeakSet<OwnRun>();

/**
 * A handler may ask its own app, and that another handler. Deeper than this, something asks itself, each time
 * with another key.
 */
const MAX_DEPTH = 8;

/** Requests that run, or were answered, behind one middleware. Others that match them let them pass. */
const decided = new WeakSet<Context>();

/**
 * Middleware that has the handler behind it run once for each idempotency key: its response is recorded, and
 * every retry within the TTL gets that response. The handler runs in an invocation of its own, which a client
 * that leaves does not stop.
 *
 * Throws a TypeError where an option is bad.
 */
// biome-ignore lint/suspicious/noExplicitAny: as in Hono, middleware that is not told of an app's types fits every app.
export function idempotency<E extends Env = any>(options: IdempotencyOptions<E> = {}): MiddlewareHandler<E> {
  const { scope } = options;
  const checked = checkedOptions({ ...options });
  const routes = new Map<string, KeyedRoute>();
  const setups = new WeakMap<object, SetupResult>();
  const said: Said = new Set();

  const setupFor = (c: Context<E>, ctx: object): SetupResult => {
    const env: object = c.env ?? {};
    const found = setups.get(env) ?? setUp(checked, env, ctx);
    setups.set(env, found);
    return found;
  };

  /**
   * Answers somebody who has come back for a result, and lets nobody pass but to other middleware that may
   * have it.
   */
  const comeBack = async (c: Context<E>, next: Next, asked: Return, { route }: KeyedRoute) => {
    if (!route.respondAsync) return next();
    const isLast = !isFollowed(c);
    if (asked.isPreflight) return isLast ? c.notFound() : next();
    const ctx = contextOf(c);
    const found: SetupResult = ctx === null ? { ok: false, missing: WITHOUT_CTX } : setupFor(c, ctx);
    if (!found.ok) return configInvalid(c, found.missing, said);
    const startedAt = Date.now();
    const request = c.req.raw;
    const target = targetOf(c.req.url);
    const labels = labelsOf(request, target);
    const from = { request, target, labels, resultsBase: asked.base };
    const { gate, events } = found.setup;
    const handled = await answerResult({ ...from, caller: await knownCaller(c, scope) }, route, gate);
    if (!isLast && IS_ELSEWHERE.has(handled.outcome)) return next();
    asked.isAnswered = true;
    respondWith(c, reported(handled, labels, route, events, startedAt));
    return;
  };

  const middleware: MiddlewareHandler<E> = async (c, next) => {
    if (decided.has(c)) return next();
    const name = checked.name ?? routePath(c);
    const keyedRoute = routes.get(name) ?? keyedRouteOf(name, checked);
    routes.set(name, keyedRoute);
    const target = targetOf(c.req.url);
    const asked = returnOf(c);
    if (asked !== undefined) return comeBack(c, next, asked, keyedRoute);
    const sent = keyOf(c.req.raw, target, keyedRoute.route);
    if (sent === null) return next();

    const ctx = contextOf(c);
    if (ctx === null) return misconfigured(c, WITHOUT_CTX, said);
    const run = ownRunOf(ctx.props);
    if (run !== null && !begun.has(run) && isRunOf(run, name, sent)) {
      begun.add(run);
      decided.add(c);
      tell(c, run);
      return runHandler(c, next);
    }

    const depth = (run?.depth ?? 0) + 1;
    if (depth > MAX_DEPTH) return looped(c, target, name);

    const found = setupFor(c, ctx);
    if (!found.ok) return misconfigured(c, found.missing, said);
    const place = keyedRoute.route.respondAsync ? resultsPlaceOf(c) : NOWHERE;
    if (!place.ok) return misconfigured(c, place.missing, said);
    const request = await readableRequest(c.req);
    const props: object = ctx.props ?? {};
    const waitUntil = (promise: Promise<unknown>) => ctx.waitUntil(promise);
    const keyable: Keyable = {
      request,
      target,
      labels: labelsOf(request, target),
      sent,
      along: { to: 'handler', invocation: { name, depth, props, cf: Reflect.get(request, 'cf') } },
      caller: await knownCaller(c, scope),
      resultsBase: place.base,
      waitUntil,
    };
    const answer = await answerOnce(keyable, keyedRoute, found.setup.gate, found.setup.events);
    if (!(answer instanceof Response)) {
      c.req.raw = asItCame(request, answer, waitUntil);
      return next();
    }
    decided.add(c);
    // A client that is still sending would not come to read the answer.
    if (isUnread(request)) await bodies.drop(request);
    respondWith(c, answer);
    return;
  };
  remember(middleware, checked);
  return middleware;
}

/**
 * With these, somebody who has come back may have been told so by other middleware, which has another key.
 */
const IS_ELSEWHERE: ReadonlySet<string> = new Set<ProblemSlug>([
  'result-absent',
  'key-missing',
  'key-invalid',
]);

/**
 * Whether the request is the one that the ledger's invocation was made for. Others may come before it in that
 * invocation, from middleware that asks its own app; and where its key is in the body or is the request
 * itself, it is known by its place alone.
 */
function isRunOf(run: OwnRun, name: string, sent: SentKey): boolean {
  return run.name === name && (sent.kind !== 'key' || sent.key === run.key);
}

async function misconfigured(c: Context, detail: string, said: Said): Promise<void> {
  await bodies.drop(c.req.raw);
  respondWith(c, configInvalid(c, detail, said));
}

/** Nothing is asked of the ledger any more. */
async function looped(c: Context, target: URL, route: string): Promise<void> {
  log('error', 'loop-detected', {
    route,
    ...requestFields({ id: null, ...labelsOf(c.req.raw, target) }),
  });
  await bodies.drop(c.req.raw);
  const detail =
    'The app asks itself, each time with another idempotency key: a handler does so, or middleware before idempotency() sets a new key on each request. It was not sent on.';
  const status = cacheStatus({ kind: 'refused', reason: 'loop-detected' });
  respondWith(c, problemResponse(new URL(c.req.url), { slug: 'loop-detected', detail, cacheStatus: status }));
}

function tell(c: Context, { key, execution }: OwnRun): void {
  const told: Idempotency = { key, execution };
  c.set('idempotency', told);
}
