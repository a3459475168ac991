/**
 * Environment bindings in; a typed configuration, or the list of what is wrong with them, out.
 *
 * A setting is looked up in the route's table, then in the environment, then in its default. All of them are
 * checked before the first request is let through, so that an invalid one never half-works.
 */
import { TrieRouter } from 'hono/router/trie-router';
import * as v from 'valibot';
import type { LedgerNamespace } from './ledger/call.ts';

export type Upstream =
  | { readonly kind: 'url'; readonly base: string }
  | { readonly kind: 'service'; readonly name: string };

/** What one route does. Durations are in seconds and sizes in bytes, as in the settings they come from. */
export interface Route {
  /** Hono path pattern. It is also the route's identity: its ledger objects are named after it. */
  readonly path: string;
  readonly upstream: Upstream;
  readonly stripPrefix: string;
  readonly ttlSeconds: number;
  readonly key: 'required' | 'optional' | 'derived';
  readonly keyHeader: string;
  /** The field the upstream gets the key in; `null` drops it. */
  readonly forwardKeyAs: string | null;
  readonly methods: readonly string[];
  readonly scopeHeaders: readonly string[];
  readonly fingerprint: 'bytes' | 'json';
  readonly concurrent: 'wait' | 'reject';
  readonly waitSeconds: number;
  readonly recordStatuses: readonly StatusRange[];
  readonly unknownOutcome: 'retry' | 'refuse';
  readonly upstreamTimeoutSeconds: number;
  readonly maxRequestBytes: number;
  readonly maxRecordBytes: number;
  readonly shards: number;
  readonly location: DurableObjectLocationHint | null;
}

export interface StatusRange {
  readonly from: number;
  readonly to: number;
}

export interface Config {
  readonly routes: readonly Route[];
  /** How long a result stays in the ledger as well as in KV. */
  readonly hotSeconds: number;
  readonly ledger: LedgerNamespace;
  readonly results: KVNamespace;
}

export interface BadSetting {
  readonly setting: string;
  readonly why: string;
}

export type ConfigResult =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly bad: readonly BadSetting[] };

/** Everything under this path belongs to the gateway itself. */
export const OPERATOR_PREFIX = '/_oncegate';

/** KV takes 25 MiB a value; the record's head gets the overhead, the body the rest. */
export const RECORD_HEAD_MAX_BYTES = 65_536;
const KV_VALUE_MAX_BYTES = 26_214_400;
const BODY_MAX_BYTES = KV_VALUE_MAX_BYTES - RECORD_HEAD_MAX_BYTES;

/** A request body is held in memory while it is fingerprinted; a Worker has 128 MB in all. */
const REQUEST_MAX_BYTES = 64 * 1024 * 1024;

const known = new WeakMap<object, ConfigResult>();

/** The configuration of this environment, parsed once per isolate (an isolate keeps its `env` object). */
export function configOf(env: object): ConfigResult {
  const before = known.get(env);
  if (before !== undefined) return before;
  const result = parseConfig(env);
  known.set(env, result);
  return result;
}

/** Parses all settings of CONTRACT §2. Never throws: each bad setting is named with its reason. */
export function parseConfig(env: object): ConfigResult {
  const bad: BadSetting[] = [];
  const bindings = new Map<string, unknown>(Object.entries(env));

  const shared: Record<string, unknown> = {};
  for (const [field, schema] of Object.entries(routeSettings)) {
    const binding = bindingOf(field);
    if (binding !== null) shared[field] = parseSetting(schema, bindings.get(binding), binding, bad);
  }
  const hotSeconds = parseSetting(hotSetting, bindings.get('HOT_SECONDS'), 'HOT_SECONDS', bad);

  const ledger = bindings.get('LEDGER');
  if (!isLedgerNamespace(ledger)) {
    bad.push({ setting: 'LEDGER', why: 'must be a Durable Object binding of class Ledger' });
  }
  const results = bindings.get('RESULTS');
  if (!isKvNamespace(results)) bad.push({ setting: 'RESULTS', why: 'must be a KV namespace binding' });

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
  return { ok: true, config: { routes, hotSeconds, ledger, results } };
}

/** True where the status counts as success on this route. */
export function isRecordStatus(ranges: readonly StatusRange[], status: number): boolean {
  return ranges.some((range) => status >= range.from && status <= range.to);
}

function integer(min: number, max: number, fallback: number) {
  const message = `must be a whole number from ${min} to ${max}`;
  return v.optional(
    v.pipe(
      v.union([v.number(), v.pipe(v.string(), v.regex(/^\s*\d+\s*$/), v.transform(Number))], message),
      v.integer(message),
      v.minValue(min, message),
      v.maxValue(max, message),
    ),
    fallback,
  );
}

function oneOf<const T extends readonly [string, ...string[]]>(values: T, fallback: T[number]) {
  return v.optional(v.picklist(values, `must be one of ${values.join(', ')}`), fallback);
}

/** A list is written as in the contract, `POST,PATCH`, or as a TOML array. */
function list<T extends v.GenericSchema<string, unknown>>(item: T, example: string, fallback: string) {
  const message = `must be a list such as ${example}`;
  return v.optional(
    v.pipe(
      v.union([v.pipe(v.string(), v.transform(splitList)), v.array(v.string())], message),
      v.array(item),
      v.nonEmpty(message),
    ),
    fallback,
  );
}

function splitList(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/** RFC 9110 §5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const headerName = v.pipe(v.string('must be a header name'), v.regex(TOKEN, 'must be a header name'));

const statusRange = v.pipe(
  v.string(),
  v.regex(/^[2-5]\d\d(\s*-\s*[2-5]\d\d)?$/, 'must be statuses from 200 to 599 such as 200-299,404'),
  v.transform((text): StatusRange => {
    const [from = '', to = from] = text.split('-');
    return { from: Number(from), to: Number(to) };
  }),
  v.check((range) => range.from <= range.to, 'has a range that ends before it begins'),
);

const method = v.pipe(
  v.string(),
  v.regex(TOKEN, 'must be HTTP methods such as POST,PATCH'),
  v.toUpperCase(),
  v.check(
    (name) => !['HEAD', 'OPTIONS', 'CONNECT', 'TRACE', 'TRACK'].includes(name),
    'must not hold HEAD, OPTIONS, CONNECT, TRACE or TRACK, which are never keyed',
  ),
);

const scopePart = v.pipe(
  v.string(),
  v.regex(
    /^(cookie:)?[!#$%&'*+.^_`|~0-9A-Za-z-]+$/i,
    'must be header names and cookie:NAME entries such as authorization,cookie:session',
  ),
  v.transform((part) => (/^cookie:/i.test(part) ? `cookie:${part.slice(7)}` : part.toLowerCase())),
);

const upstreamUrl = v.pipe(
  v.string('must be an http or https URL'),
  v.check((text) => URL.canParse(text), 'must be an http or https URL'),
  v.check((text) => /^https?:$/.test(new URL(text).protocol), 'must be an http or https URL'),
  v.check((text) => {
    const url = new URL(text);
    return url.search === '' && url.hash === '' && url.username === '' && url.password === '';
  }, 'must not have a query, a fragment or credentials: the request’s path and query are appended to it'),
);

const pathPattern = v.pipe(
  v.string('must be a Hono path pattern such as /v1/*'),
  v.startsWith('/', 'must begin with /'),
  v.check(
    (path) => !path.startsWith(OPERATOR_PREFIX),
    `must not begin with ${OPERATOR_PREFIX}, which is the gateway’s own`,
  ),
  v.check(isPathPattern, 'is not a Hono path pattern'),
);

const routeSettings = {
  path: v.optional(pathPattern, '/*'),
  upstream: v.optional(upstreamUrl),
  service: v.optional(v.string('must be the name of a service binding')),
  stripPrefix: v.optional(v.pipe(v.string('must be a path'), v.startsWith('/', 'must begin with /')), '/'),
  ttlSeconds: integer(1, 2_592_000, 86_400),
  key: oneOf(['required', 'optional', 'derived'], 'required'),
  keyHeader: v.optional(headerName, 'Idempotency-Key'),
  forwardKeyAs: v.optional(headerName),
  methods: list(method, 'POST,PATCH', 'POST,PATCH'),
  scopeHeaders: list(
    scopePart,
    'authorization,cookie:session',
    'authorization,x-api-key,api-key,x-goog-api-key',
  ),
  fingerprint: oneOf(['bytes', 'json'], 'bytes'),
  concurrent: oneOf(['wait', 'reject'], 'wait'),
  waitSeconds: integer(0, 3_600, 60),
  recordStatuses: list(statusRange, '200-299,404', '200-299'),
  unknownOutcome: oneOf(['retry', 'refuse'], 'retry'),
  upstreamTimeoutSeconds: integer(1, 86_400, 600),
  maxRequestBytes: integer(1, REQUEST_MAX_BYTES, 10_485_760),
  maxRecordBytes: integer(1, BODY_MAX_BYTES, BODY_MAX_BYTES),
  shards: integer(1, 4_096, 16),
  location: v.optional(
    v.picklist(
      ['wnam', 'enam', 'sam', 'weur', 'eeur', 'apac', 'oc', 'afr', 'me'],
      'must be a Durable Object location hint: wnam, enam, sam, weur, eeur, apac, oc, afr or me',
    ),
  ),
} as const satisfies Record<string, v.GenericSchema>;

const hotSetting = integer(1, 2_592_000, 300);

type RouteSettings = { [F in keyof typeof routeSettings]: v.InferOutput<(typeof routeSettings)[F]> };

/** The environment's name of a route setting: `ttlSeconds` → `TTL_SECONDS`; `null` where only a route has it. */
function bindingOf(field: string): string | null {
  switch (field) {
    case 'path':
    case 'service':
    case 'stripPrefix':
      return null;
    case 'upstream':
      return 'UPSTREAM_URL';
    case 'shards':
      return 'LEDGER_SHARDS';
    case 'location':
      return 'LEDGER_LOCATION';
    default:
      return field.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
  }
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
      bad.push({ setting: `${name}.${field}`, why: 'is not a route setting' });
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

  const { service: _, upstream: __, forwardKeyAs, location, stripPrefix, ...same } = settings;
  return {
    ...same,
    upstream: parseUpstream(table, name, settings, bindings, bad),
    stripPrefix: stripPrefix.replace(/\/+$/, ''),
    forwardKeyAs: forwardKeyAs === 'none' ? null : (forwardKeyAs ?? settings.keyHeader),
    location: location ?? null,
  };
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

/** Whether Hono's router takes the pattern. It compiles one on the first match, so one is made here. */
function isPathPattern(path: string): boolean {
  try {
    const router = new TrieRouter<true>();
    router.add('ALL', path, true);
    router.match('POST', '/');
    return true;
  } catch {
    return false;
  }
}

/** A service binding that the configuration names. */
export function serviceOf(env: object, name: string): Fetcher {
  const service: unknown = Reflect.get(env, name);
  if (!isFetcher(service)) throw new Error(`${name} is not a service binding`);
  return service;
}

function isFetcher(binding: unknown): binding is Fetcher {
  return typeof binding === 'object' && binding !== null && 'fetch' in binding;
}

function isLedgerNamespace(binding: unknown): binding is LedgerNamespace {
  return typeof binding === 'object' && binding !== null && 'getByName' in binding;
}

function isKvNamespace(binding: unknown): binding is KVNamespace {
  return typeof binding === 'object' && binding !== null && 'getWithMetadata' in binding;
}
