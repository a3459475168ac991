/** @module `operator()`: the operator's surface for an app. Runs in: the Worker. */

import { Hono } from 'hono';
import type { BlankEnv, BlankSchema } from 'hono/types';
import { type Config, parseConfig, type Route } from '../config.ts';
import { log } from '../log.ts';
import { operatorSurface } from '../operator/operator.ts';
import { isOperatorHost } from '../operator/operator-host.ts';
import { addOwnPages } from '../operator/own-pages.ts';
import { problemResponse } from '../response/problem.ts';
import { OPERATOR_PREFIX } from '../settings.ts';
import { keyedRouteOf } from './checked-options.ts';
import { optionsOf } from './mounted.ts';
import type { ResultsApp } from './options.ts';
import { resultsOn } from './results.ts';

/** What `operator()` takes. */
export interface OperatorOptions {
  /** The app that the Worker exports. What it has behind `idempotency()` is shown. */
  app: ResultsApp;
  /**
   * Which bindings it works with, where they are not called `LEDGER` and `RESULTS`, and a dataset for failed
   * logins.
   */
  bindings?: { ledger?: string; results?: string; events?: string };
  /**
   * The name of the secret that opens it. The default is `ADMIN_TOKEN`. Where it is not set, only what is
   * public answers.
   */
  adminToken?: string;
  /** The one host that it answers on, such as `ops.example.com`. The default is every host of the Worker. */
  operatorHost?: string;
}

type Surface = Hono<{ Bindings: object }>;

/**
 * The operator's surface under `/_oncegate/`, as the gateway has it: console, API, metrics, health, and the
 * pages that explain problems, and what `results()` does. To be mounted at the root:
 * `app.route('/', operator({ app }))`.
 */
export function operator(options: OperatorOptions): Hono<BlankEnv, BlankSchema, '/'> {
  const surfaces = new WeakMap<object, Surface>();
  const { app, operatorHost } = options;
  const mount = new Hono();
  mount.use(resultsOn((target) => operatorHost === undefined || !isOperatorHost(operatorHost, target), app));
  mount.all(`${OPERATOR_PREFIX}/*`, (c) => {
    const env: object = c.env ?? {};
    const surface = surfaces.get(env) ?? surfaceOf(options, env);
    surfaces.set(env, surface);
    return surface.fetch(c.req.raw, env, c.executionCtx);
  });
  return mount;
}

function surfaceOf(options: OperatorOptions, env: object): Surface {
  const surface: Surface = new Hono();
  const config = configOf(options, env);
  if (typeof config !== 'string') {
    addOwnPages(surface, config, operatorSurface(config));
    return surface;
  }
  const detail = `operator(): ${config}`;
  log('error', 'config-invalid', { detail });
  surface.all('*', (c) => problemResponse(new URL(c.req.url), { slug: 'config-invalid', detail }));
  return surface;
}

/** The configuration of a gateway whose routes are the app's; or what is wrong. */
function configOf(
  { app, bindings = {}, adminToken = 'ADMIN_TOKEN', operatorHost }: OperatorOptions,
  env: object,
): Config | string {
  const { ledger = 'LEDGER', results = 'RESULTS', events } = bindings;
  const binding = (name: string | undefined): unknown =>
    name === undefined ? undefined : Reflect.get(env, name);
  const parsed = parseConfig({
    LEDGER: binding(ledger),
    RESULTS: binding(results),
    EVENTS: binding(events),
    ADMIN_TOKEN: binding(adminToken),
    OPERATOR_HOST: operatorHost,
    // No route of it is used.
    UPSTREAM_URL: 'https://handler.invalid',
  });
  if (!parsed.ok) return parsed.bad.map(({ setting, why }) => `${setting} ${why}`).join('; ');
  const routes = routesOf(app, ledger);
  if (routes.length === 0) {
    return `the app that it was given has no idempotency() with the binding ${ledger}. Give it the app that the Worker exports.`;
  }
  return { ...parsed.config, routes };
}

/** What the app has behind the middleware, by the names of its ledgers. */
function routesOf(app: OperatorOptions['app'], ledger: string): Route[] {
  const byName = new Map<string, Route>();
  for (const { path, handler } of app.routes) {
    const checked = optionsOf(handler);
    if (checked === null || checked.bindings.ledger !== ledger) continue;
    const { route } = keyedRouteOf(checked.name ?? path, checked);
    if (!byName.has(route.path)) byName.set(route.path, route);
  }
  return [...byName.values()];
}
