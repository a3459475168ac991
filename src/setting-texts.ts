/**
 * @module How settings read that are in force, for people: said once for the console and the command line.
 * Runs in: the Worker.
 */

import type { Config, Route } from './config.ts';
import { bytesText, durationText } from './format.ts';
import { keyFromText } from './key-from.ts';
import type { StatusRange } from './protocol.ts';
import { scopeText } from './scope-from.ts';
import { type GatewaySettings, gatewaySettings, type RouteSettings, routeSettings } from './settings.ts';

/** Each setting of a route by its name, with its value; those that have none in this route are left out. */
export function routeTexts(route: Route): [name: string, value: string][] {
  return fieldsOf(routeSettings).flatMap((field) => {
    const text = ROUTE_TEXTS[field](route);
    return text === null ? [] : [[field, text]];
  });
}

/** Each setting of the gateway by its field, with its value; no secret is among them. */
export function gatewayTexts(config: Config): [field: keyof GatewaySettings, value: string][] {
  return fieldsOf(gatewaySettings).map((field) => [field, GATEWAY_TEXTS[field](config)]);
}

/** The names of all settings of a list, in its order. */
export function fieldsOf<T extends object>(settings: T): (keyof T & string)[] {
  return Object.keys(settings) as (keyof T & string)[];
}

/** Statuses as in `200–299, 404`. */
export function statusesText(ranges: readonly StatusRange[]): string {
  return ranges.map(({ from, to }) => (from === to ? `${from}` : `${from}–${to}`)).join(', ');
}

const ROUTE_TEXTS: { readonly [F in keyof RouteSettings]: (route: Route) => string | null } = {
  // It heads the others wherever they are listed.
  path: () => null,
  upstream: ({ upstream }) => (upstream.kind === 'url' ? upstream.base : null),
  service: ({ upstream }) => (upstream.kind === 'service' ? upstream.name : null),
  stripPrefix: ({ stripPrefix }) => (stripPrefix === '' ? 'none' : stripPrefix),
  ttlSeconds: ({ ttlSeconds }) => secondsText(ttlSeconds),
  key: ({ key }) => key,
  keyFrom: ({ keyFrom }) => keyFromText(keyFrom),
  forwardKeyAs: ({ forwardKeyAs }) => {
    if (forwardKeyAs.kind === 'in') return forwardKeyAs.name;
    return forwardKeyAs.kind === 'dropped' ? 'not forwarded' : 'as it came';
  },
  methods: ({ methods }) => methods.join(', '),
  forwarded: ({ forwarded }) => forwarded,
  scopeFrom: ({ scopeFrom }) => scopeText(scopeFrom),
  fingerprint: ({ fingerprint }) => fingerprint,
  concurrent: ({ concurrent }) => concurrent,
  waitSeconds: ({ concurrent, waitSeconds }) => (concurrent === 'wait' ? secondsText(waitSeconds) : null),
  recordStatuses: ({ recordStatuses }) => statusesText(recordStatuses),
  failedWhen: ({ failedWhen }) => failedWhen.map(({ text }) => text).join(', ') || 'none',
  unknownOutcome: ({ unknownOutcome }) => unknownOutcome,
  cancelAfterSeconds: ({ cancelAfterSeconds }) =>
    cancelAfterSeconds === null
      ? 'none, a run goes on to its end'
      : `${secondsText(cancelAfterSeconds)} after the last client has left`,
  respondAsync: ({ respondAsync }) => `${respondAsync}`,
  corsOrigins: ({ corsOrigins }) => {
    if (corsOrigins === 'none') return 'none, CORS is the upstream’s';
    return corsOrigins === '*' ? '*, every origin, without credentials' : corsOrigins.join(', ');
  },
  upstreamTimeoutSeconds: ({ upstreamTimeoutSeconds }) => secondsText(upstreamTimeoutSeconds),
  maxRequestBytes: ({ maxRequestBytes }) => sizeText(maxRequestBytes),
  maxRecordBytes: ({ maxRecordBytes }) => sizeText(maxRecordBytes),
  resultsFromBytes: ({ resultsFromBytes }) =>
    resultsFromBytes === 0
      ? '0, every result goes to KV'
      : `${sizeText(resultsFromBytes)}, smaller results stay in the ledger alone`,
  maxRunningPerCaller: ({ maxRunningPerCaller }) => `${maxRunningPerCaller} in one ledger object`,
  maxStoredBytesPerCaller: ({ maxStoredBytesPerCaller }) =>
    `${sizeText(maxStoredBytesPerCaller)} in one ledger object`,
  shards: ({ shards }) => `${shards}`,
  location: ({ location }) => location,
};

const GATEWAY_TEXTS: { readonly [F in keyof GatewaySettings]: (config: Config) => string } = {
  hotSeconds: ({ hotSeconds }) =>
    `${secondsText(hotSeconds)} in the ledger; then a large result is in RESULTS only`,
  adminToken: ({ adminToken }) => (adminToken === null ? 'not set' : 'set'),
  operatorHost: ({ operatorHost }) =>
    operatorHost ?? 'none: the console shares its origin with what the upstream serves',
};

/** As it is written in the settings, and as a person reads it. */
function secondsText(seconds: number): string {
  return `${seconds} (${durationText(seconds * 1000)})`;
}

function sizeText(bytes: number): string {
  return `${bytes} (${bytesText(bytes)})`;
}
