/**
 * @module Where an app answers those who come back for a result, and who has come back. `results()` says it
 * to `idempotency()`. Runs in: the Worker.
 */

import type { Context } from 'hono';
import { matchedRoutes } from 'hono/route';
import { optionsOf } from './mounted.ts';
import type { ResultsApp } from './options.ts';

/** Where the results of an app are fetched. */
export interface ResultsPlace {
  readonly routes: ResultsApp['routes'];
  /** What stands before the path of the address; the empty string where the app is at the root. */
  readonly base: string;
}

/** Somebody has come back for a result, on the way through the app to the middleware that has it. */
export interface Return {
  readonly base: string;
  /** A browser asks whether it may come back. */
  readonly isPreflight: boolean;
  /** Whether the middleware has answered, not something before it. */
  isAnswered: boolean;
}

const places = new WeakMap<Context, ResultsPlace>();
const returns = new WeakMap<Context, Return>();

/** Behind this, results are fetched at that place. */
export function setPlace(c: Context, place: ResultsPlace): void {
  places.set(c, place);
}

/** Remembers what a request comes back for. */
export function setReturn(c: Context, asked: Return): void {
  returns.set(c, asked);
}

/** `undefined` where the request is anything else. */
export function returnOf(c: Context): Return | undefined {
  return returns.get(c);
}

/** Whether a handler is middleware that answers those who come back. */
export function answersReturns(handler: unknown): boolean {
  return optionsOf(handler)?.route.respondAsync === true;
}

/** Whether other middleware that might have the result comes after this one. */
export function isFollowed(c: Context): boolean {
  return matchedRoutes(c)
    .slice(c.req.routeIndex + 1)
    .some(({ handler }) => answersReturns(handler));
}

/** Whether the route that is being served is one of these, and not of an app that theirs is mounted in. */
export function isServedBy(routes: ResultsApp['routes'], c: Context): boolean {
  const route = matchedRoutes(c)[c.req.routeIndex];
  return route !== undefined && routes.includes(route);
}

/** Routes from which it is known that who comes back for a result finds them. */
const reached = new WeakSet<object>();

/**
 * Where those who are told to come back find what they come for; or what is missing, in words for the one who
 * builds the app.
 */
export type ResultsPlaceFound =
  | { readonly ok: true; readonly base: string }
  | { readonly ok: false; readonly missing: string };

/** Nobody is told to come back. */
export const NOWHERE: ResultsPlaceFound = { ok: true, base: '' };

/** Looks whether those whom the middleware that runs now tells to come back will find it. */
export function resultsPlaceOf(c: Context): ResultsPlaceFound {
  const place = places.get(c);
  const route = matchedRoutes(c)[c.req.routeIndex];
  if (route?.method !== 'ALL' || !answersReturns(route.handler)) return { ok: false, missing: NOT_REACHED };
  if (place === undefined) return { ok: false, missing: WITHOUT_RESULTS };
  if (!reached.has(route) && !place.routes.includes(route)) return { ok: false, missing: OF_ANOTHER_APP };
  reached.add(route);
  return { ok: true, base: place.base };
}

const WITHOUT_RESULTS =
  'The option respondAsync tells clients to come back for a result, and no address answers them. Import results from "oncegate/hono", and put before everything else in the app that the Worker exports: app.use(results({ app })). With operator({ app }), put that before everything else instead.';

/** What is said where the results are asked of an app that does not serve the Worker's requests. */
export const OF_ANOTHER_APP =
  'results() was given another app than the one that serves this request. Give it the app that the Worker exports, and put it there before everything else: app.use(results({ app })).';

const NOT_REACHED =
  'The option respondAsync needs the middleware where a GET comes to it: put app.use(PATH, idempotency({ respondAsync: true, … })) before the handler, in place of app.post(PATH, idempotency(…), handler), and do not wrap it in a condition.';
