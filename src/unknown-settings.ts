/**
 * @module Names that are no settings and look like one. The gateway's own variables are all that a gateway
 * has to read, so a name that is nearly one of theirs is a mistake: what it should have set keeps its
 * default. Runs in: the Worker.
 */

import { nearestName } from './nearest-name.ts';
import { bindingOf, gatewaySettings, routeSettings } from './settings.ts';

/** A name that is no setting, and which one was meant. */
export interface UnknownSetting {
  readonly setting: string;
  readonly why: string;
}

/** The variables that no route has. */
const GATEWAY_VARIABLES = [
  ...Object.keys(gatewaySettings).flatMap((field) => bindingOf(field) ?? []),
  'ROUTES',
];

/**
 * Bindings that the gateway works without, and the method by which their kind is known. One that is needed is
 * missed by itself.
 */
const OPTIONAL_BINDINGS = { EVENTS: 'writeDataPoint', RATE_LIMITER: 'limit' } as const;

const FIELDS = Object.keys(routeSettings);

const VARIABLES = [...GATEWAY_VARIABLES, ...FIELDS.flatMap((field) => bindingOf(field) ?? [])];

/** `upstream` means UPSTREAM_URL at the top, and UPSTREAM_URL means `upstream` in a route. */
const VARIABLE_OF_FIELD = new Map(
  FIELDS.flatMap((field) => {
    const binding = bindingOf(field);
    return binding === null ? [] : [[field, binding] as const];
  }),
);
const FIELD_OF_VARIABLE = new Map([...VARIABLE_OF_FIELD].map(([field, variable]) => [variable, field]));

/** The variables and bindings of an environment that are no settings, and were meant to be one. */
export function unknownSettings(env: object): UnknownSetting[] {
  return Object.entries(env).flatMap(([name, value]) => {
    const why = isVariable(value) ? whyVariable(name) : whyBinding(name, value, env);
    return why === null ? [] : [{ setting: name, why }];
  });
}

/** What is said of a field of a route's table that is no setting. */
export function whyUnknownField(field: string): string {
  const meant = nearestName(field, FIELDS, FIELD_OF_VARIABLE);
  return meant === null
    ? `is not a route setting; there are ${FIELDS.join(', ')}`
    : `is not a route setting; did you mean ${meant}?`;
}

function whyVariable(name: string): string | null {
  if (VARIABLES.includes(name) || Object.hasOwn(OPTIONAL_BINDINGS, name)) return null;
  if (nearestName(name, ['stripPrefix']) !== null) {
    return 'is not a setting for all routes; it goes into the table of one, as stripPrefix';
  }
  const meant = nearestName(name, VARIABLES, VARIABLE_OF_FIELD);
  return meant === null ? null : `is not a setting; did you mean ${meant}?`;
}

function whyBinding(name: string, binding: unknown, env: object): string | null {
  const missing = Object.entries(OPTIONAL_BINDINGS).flatMap(([meant, method]) =>
    !Object.hasOwn(env, meant) && typeof binding === 'object' && binding !== null && method in binding
      ? [meant]
      : [],
  );
  const meant = nearestName(name, missing);
  return meant === null ? null : `is not a binding of the gateway; did you mean ${meant}?`;
}

/** What `[vars]` and secrets can hold. A binding is an instance of some class. */
function isVariable(value: unknown): boolean {
  if (typeof value !== 'object') return typeof value !== 'function';
  if (value === null || Array.isArray(value)) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
