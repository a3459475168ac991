/**
 * @module Environment bindings in; a typed configuration, or the list of what is wrong with them, out.
 * Runs in: the Worker.
 *
 * A setting is looked up in the route's table, then in the environment, then in its default. All of them are
 * checked before the first request is let through, so that an invalid one never half-works.
 */

import * as v from 'valibot';
import { isDataset, isFetcher, isKvNamespace, isLedgerNamespace, isRateLimit } from './bindings.ts';
import type { LedgerNamespace } from './inspection.ts';
import type { ForwardKey } from './key-from.ts';
import {
  bindingOf,
  type GatewaySettings,
  gatewaySettings,
  type RouteSettings,
  routeSettings,
} from './settings.ts';
import { whyUnknownField } from './unknown-settings.ts';

/** Where a route sends a request. */
export type Upstream =
  /** The base in the URL's own spelling, without a trailing slash: a path is appended to it as text. */
  | { readonly kind: 'url'; readonly base: string }
  | { readonly kind: 'service'; readonly name: string }
  /** The Worker that asks, by the name of an export: no setting says so, only the middleware. */
  | { readonly kind: 'self'; readonly name: string };

/**
 * What one route does: its settings, and what they come to. Durations are in seconds and sizes in bytes. The
 * path is also the route's identity: its ledger objects are named after it.
 */
export interface Route extends Omit<RouteSettings, 'upstream' | 'service' | 'forwardKeyAs'> {
  readonly upstream: Upstream;
  /** What the upstream gets the key in. */
  readonly forwardKeyAs: ForwardKey;
}

/** The gateway's settings, its routes and its bindings. */
export interface Config extends GatewaySettings {
  readonly routes: readonly Route[];
  readonly ledger: LedgerNamespace;
  readonly results: KVNamespace;
  /** Cloudflare's rate limiting, where it is bound. */
  readonly rateLimiter: RateLimit | null;
  /** Where each keyed request leaves a data point, if anywhere. */
  readonly events: AnalyticsEngineDataset | null;
}

/** A setting that is wrong, and why. */
export interface BadSetting {
  readonly setting: string;
  readonly why: string;
}

/** The configuration, or all that is wrong with it. */
export type ConfigResult =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly bad: readonly BadSetting[] };

const known = new WeakMap<object, ConfigResult>();

/** The configuration of this environment, parsed once per isolate (an isolate keeps its `env` object). */
export function configOf(env: object): ConfigResult {
  const before = known.get(env);
  if (before !== undefined) return before;
  const result = parseConfig(env);
  known.set(env, result);
  return result;
}

/** Parses all settings. Never throws: each bad setting is named with its reason. */
export function parseConfig(env: object): ConfigResult {
  const bad: BadSetting[] = [];
  const bindings = new Map<string, unknown>(Object.entries(env));

  const shared = parseVariables(routeSettings, bindings, bad);
  const gateway = parseVariables(gatewaySettings, bindings, bad) as GatewaySettings;

  const ledger = bindings.get('LEDGER');
  if (!isLedgerNamespace(ledger)) {
    bad.push({ setting: 'LEDGER', why: 'must be a Durable Object binding of class Ledger' });
  }
  const results = bindings.get('RESULTS');
  if (!isKvNamespace(results)) bad.push({ setting: 'RESULTS', why: 'must be a KV namespace binding' });
  const events = bindings.get('EVENTS') ?? null;
  if (events !== null && !isDataset(events)) {
    bad.push({ setting: 'EVENTS', why: 'must be an Analytics Engine binding' });
  }

  const rateLimiter = bindings.get('RATE_LIMITER') ?? null;
  if (rateLimiter !== null && !isRateLimit(rateLimiter)) {
    bad.push({ setting: 'RATE_LIMITER', why: 'must be a rate limiting binding' });
  }

  const routes: Route[] = [];
  for (const { table, name } of routeTables(bindings.get('ROUTES'), bad)) {
    const route = parseRoute(table, name, shared, bindings, bad);
    const twin = routes.findIndex((other) => other.path === route.path);
    if (twin >= 0) {
      bad.push({
        setting: `${name}.path`,
        why: `is the path of ROUTES[${twin}] too; the first match wins, so this route would never run`,
      });
    }
    routes.push(route);
  }

  if (bad.length > 0 || !isLedgerNamespace(ledger) || !isKvNamespace(results)) return { ok: false, bad };
  return {
    ok: true,
    config: {
      ...gateway,
      routes,
      ledger,
      results,
      rateLimiter: isRateLimit(rateLimiter) ? rateLimiter : null,
      events: isDataset(events) ? events : null,
    },
  };
}

/** The settings that have a name in the environment, by their fields. */
function parseVariables(
  settings: Record<string, v.GenericSchema>,
  bindings: ReadonlyMap<string, unknown>,
  bad: BadSetting[],
): Record<string, unknown> {
  const parsed: Record<string, unknown> = {};
  for (const [field, schema] of Object.entries(settings)) {
    const binding = bindingOf(field);
    if (binding !== null) parsed[field] = parseSetting(schema, bindings.get(binding), binding, bad);
  }
  return parsed;
}

/** The setting's value, or its default and an entry in `bad`. */
function parseSetting<T extends v.GenericSchema>(
  schema: T,
  value: unknown,
  setting: string,
  bad: BadSetting[],
): v.InferOutput<T> {
  const result = v.safeParse(schema, value ?? undefined);
  if (result.success) return result.output;
  for (const why of new Set(result.issues.map((issue) => issue.message))) bad.push({ setting, why });
  return v.parse(schema, undefined);
}

/** `[[vars.ROUTES]]` as an array, or as the JSON text of one; without it, the whole gateway is one route. */
function routeTables(routes: unknown, bad: BadSetting[]): { table: Record<string, unknown>; name: string }[] {
  if (routes === undefined || routes === null) return [{ table: {}, name: '' }];
  const tables = v.safeParse(
    v.pipe(
      v.union([v.array(v.unknown()), v.pipe(v.string(), v.parseJson(), v.array(v.unknown()))]),
      v.array(v.record(v.string(), v.unknown())),
      v.nonEmpty(),
    ),
    routes,
  );
  if (tables.success) return tables.output.map((table, index) => ({ table, name: `ROUTES[${index}]` }));
  bad.push({ setting: 'ROUTES', why: 'must be a list of one or more tables, [[vars.ROUTES]]' });
  return [];
}

function parseRoute(
  table: Record<string, unknown>,
  name: string,
  shared: Record<string, unknown>,
  bindings: ReadonlyMap<string, unknown>,
  bad: BadSetting[],
): Route {
  for (const field of Object.keys(table)) {
    if (!Object.hasOwn(routeSettings, field))
      bad.push({ setting: `${name}.${field}`, why: whyUnknownField(field) });
  }
  const settings = {
    ...v.parse(v.object(routeSettings), {}),
    ...shared,
    ...Object.fromEntries(
      Object.entries(routeSettings)
        .filter(([field]) => Object.hasOwn(table, field))
        .map(([field, schema]) => [field, parseSetting(schema, table[field], `${name}.${field}`, bad)]),
    ),
  } as RouteSettings;

  const { service: _, upstream: __, forwardKeyAs, ...same } = settings;
  if (settings.key === 'derived' && settings.fingerprint === 'none') {
    const why = 'must not be none where KEY is derived: all requests without a key would be one';
    bad.push({ setting: name === '' ? 'FINGERPRINT' : `${name}.fingerprint`, why });
  }
  return {
    ...same,
    upstream: parseUpstream(table, name, settings, bindings, bad),
    forwardKeyAs: forwardKeyOf(forwardKeyAs),
  };
}

function forwardKeyOf(name: string | undefined): ForwardKey {
  if (name === undefined) return { kind: 'as-it-came' };
  return name === 'none' ? { kind: 'dropped' } : { kind: 'in', name };
}

function parseUpstream(
  table: Record<string, unknown>,
  name: string,
  settings: RouteSettings,
  bindings: ReadonlyMap<string, unknown>,
  bad: BadSetting[],
): Upstream {
  const { service, upstream } = settings;
  if (service !== undefined) {
    if (Object.hasOwn(table, 'upstream')) {
      bad.push({ setting: name, why: 'has an upstream and a service; it takes one of them' });
    }
    if (!isFetcher(bindings.get(service))) {
      bad.push({
        setting: `${name}.service`,
        why: `names ${JSON.stringify(service)}, which is not a service binding`,
      });
    }
    return { kind: 'service', name: service };
  }
  const badAlready = bad.some(({ setting }) => setting === 'UPSTREAM_URL' || setting === `${name}.upstream`);
  if (upstream === undefined && !badAlready) {
    bad.push(
      name === ''
        ? {
            setting: 'UPSTREAM_URL',
            why: 'is missing: the base URL of the API that this gateway stands in front of',
          }
        : { setting: `${name}.upstream`, why: 'is missing, and so are a service and UPSTREAM_URL' },
    );
  }
  return { kind: 'url', base: upstream ?? '' };
}
