/** @module The options of `idempotency()`, checked as the gateway checks a route. Runs in: the Worker. */

import { parseConfig, type Route } from '../config.ts';
import type { KeyedRoute } from '../keyed.ts';
import { policyOf } from '../policy.ts';
import type { IdempotencyOptions } from './options.ts';

/**
 * Settings of a route that say where its upstream is and what that is told, as here the upstream is the
 * handler; and CORS.
 */
export const NOT_FOR_A_HANDLER = [
  'path',
  'upstream',
  'service',
  'stripPrefix',
  'forwardKeyAs',
  'forwarded',
  'corsOrigins',
] as const;

/** What is no setting of a route. */
interface Own extends Pick<IdempotencyOptions, 'name' | 'bindings' | 'entrypoint'> {
  readonly scope?: unknown;
}

/** Options that were found to be right. */
export interface CheckedOptions {
  /** The ledger's name; `null`: the pattern that the middleware is mounted under. */
  readonly name: string | null;
  readonly bindings: {
    readonly ledger: string;
    readonly results: string;
    readonly rateLimiter: string | null;
    readonly events: string | null;
  };
  readonly entrypoint: string;
  /** Everything but its name, which is its path. */
  readonly route: Omit<Route, 'path'>;
  readonly hotSeconds: number;
}

/** A route for the handler under this name, which its ledger objects are named after. */
export function keyedRouteOf(name: string, { route: settings, hotSeconds }: CheckedOptions): KeyedRoute {
  const route = { ...settings, path: name };
  return { route, policy: JSON.stringify(policyOf(route, { hotSeconds })) };
}

/** What passes for the bindings of a gateway while a route's settings are checked. */
const STAND_INS = { LEDGER: { getByName() {} }, RESULTS: { getWithMetadata() {} }, HANDLER: { fetch() {} } };

/** A ledger's name is also the name of its objects, and stands in each log line. */
const NAME_MAX_CHARACTERS = 256;

/**
 * Checks options as the gateway checks the table of a route, and says what it would say. Throws a TypeError
 * that names each bad one.
 */
export function checkedOptions({
  name,
  scope,
  bindings = {},
  entrypoint = 'default',
  ...settings
}: Own & Record<string, unknown>): CheckedOptions {
  const bad: string[] = [];
  if (name !== undefined && (typeof name !== 'string' || name === '' || name.length > NAME_MAX_CHARACTERS)) {
    bad.push(`name must be a text of 1 to ${NAME_MAX_CHARACTERS} characters`);
  }
  if (scope !== undefined && typeof scope !== 'function') {
    bad.push('scope must be a function that tells who the caller is, such as (c) => c.get("user").id');
  }
  if (scope !== undefined && settings.scopeFrom !== undefined) {
    bad.push('scope and scopeFrom both say who the caller is; it takes one of them');
  }
  if (typeof entrypoint !== 'string') bad.push('entrypoint must be the name of an export');
  const { ledger = 'LEDGER', results = 'RESULTS', rateLimiter = null, events = null } = bindings;
  for (const [member, value] of Object.entries(bindings)) {
    if (!['ledger', 'results', 'rateLimiter', 'events'].includes(member)) {
      bad.push(`bindings.${member} is not a binding; there are ledger, results, rateLimiter and events`);
    } else if (typeof value !== 'string') {
      bad.push(`bindings.${member} must be the name of a binding`);
    }
  }
  for (const field of NOT_FOR_A_HANDLER) {
    if (Object.hasOwn(settings, field)) {
      bad.push(`${field} is a setting of a gateway’s route, not of a handler`);
      delete settings[field];
    }
  }
  const table = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
  const parsed = parseConfig({ ...STAND_INS, ROUTES: [{ ...table, service: 'HANDLER' }] });
  if (!parsed.ok) {
    bad.push(...parsed.bad.map(({ setting, why }) => `${setting.replace('ROUTES[0].', '')} ${why}`));
  }
  const config = parsed.ok ? parsed.config : null;
  const [route] = config?.routes ?? [];
  if (bad.length > 0 || config === null || route === undefined) {
    throw new TypeError(`idempotency(): ${bad.join('; ')}`);
  }
  return {
    name: name ?? null,
    bindings: { ledger, results, rateLimiter, events },
    entrypoint,
    route: { ...route, upstream: { kind: 'self', name: entrypoint } },
    hotSeconds: config.hotSeconds,
  };
}
