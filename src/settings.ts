/**
 * The settings of a route and of the gateway: what each takes, its default, and what is said of a value that it does not take.
 */
import { TrieRouter } from 'hono/router/trie-router';
import * as v from 'valibot';
import { DEFAULT_FAILED_WHEN, type FailureRule, parseRule, splitRules } from './failed-when.ts';
import { DEFAULT_KEY_FROM, KEY_FROM_MESSAGE, keyPlaceSetting } from './key-from.ts';
import { type CorsOrigins, faultOfOrigin } from './origin.ts';
import { inOneSpelling } from './path-spelling.ts';
import { LOCATIONS, type StatusRange } from './protocol.ts';
import { KV_VALUE_MAX_BYTES, PIECE_BYTES, RECORD_HEAD_MAX_BYTES } from './record/format.ts';
import type { ScopePart } from './scope-from.ts';

/** Everything under this path belongs to the gateway itself. */
export const OPERATOR_PREFIX = '/_oncegate';

const BODY_MAX_BYTES = KV_VALUE_MAX_BYTES - RECORD_HEAD_MAX_BYTES;

/** Half of what a ledger object stores. One caller cannot fill it, and before that its bodies leave for KV: see storage-room.ts. */
const CALLER_STORED_BYTES = 5_000_000_000;

/** A result that stays in the ledger alone is one piece of a body, with its row. */
const LEDGER_ALONE_MAX_BYTES = PIECE_BYTES;

/** A request body is held in memory while it is fingerprinted; a Worker has 128 MB in all. */
const REQUEST_MAX_BYTES = 64 * 1024 * 1024;

/** 90 days. APIs that keep idempotency keys for long keep them for 31 to 45. */
const TTL_MAX_SECONDS = 7_776_000;

export type RouteSettings = { [F in keyof typeof routeSettings]: v.InferOutput<(typeof routeSettings)[F]> };

/** The environment's name of a route setting: `ttlSeconds` → `TTL_SECONDS`; `null` where only a route has it. */
export function bindingOf(field: string): string | null {
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

function integerOrNone(min: number, max: number) {
  const message = `must be none or a whole number from ${min} to ${max}`;
  const number = v.pipe(
    v.union([v.number(), v.pipe(v.string(), v.regex(/^\s*\d+\s*$/), v.transform(Number))], message),
    v.integer(message),
    v.minValue(min, message),
    v.maxValue(max, message),
  );
  return v.optional(v.union([v.literal('none'), number], message), 'none');
}

function flag(fallback: boolean) {
  const message = 'must be true or false';
  return v.optional(
    v.pipe(
      v.union([v.boolean(), v.picklist(['true', 'false'])], message),
      v.transform((value) => value === true || value === 'true'),
    ),
    fallback,
  );
}

function oneOf<const T extends readonly [string, ...string[]]>(values: T, fallback: T[number]) {
  return v.optional(v.picklist(values, `must be one of ${values.join(', ')}`), fallback);
}

/** A list is written as in the contract, `POST,PATCH`, or as a TOML array. */
function list<T extends v.GenericSchema<string, unknown>>(
  item: T,
  example: string,
  fallback: string,
  split = splitList,
) {
  return v.optional(listOf(item, `must be a list such as ${example}`, split), fallback);
}

function listOf<T extends v.GenericSchema<string, unknown>>(item: T, message: string, split = splitList) {
  return v.pipe(
    v.union([v.pipe(v.string(), v.transform(split)), v.array(v.string())], message),
    v.array(item),
    v.nonEmpty(message),
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

const recordedStatus = v.pipe(
  statusRange,
  v.check(
    ({ from, to }) => from < 307 || to > 308,
    'must not hold 307 or 308, which are never recorded: they send the request elsewhere',
  ),
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

const SCOPE_MESSAGE =
  'must be auto, none, or a list of header names, cookie:NAME and query:NAME such as authorization,cookie:session';

const scopePart = v.pipe(
  v.string(),
  v.regex(/^(?:(?:cookie|query):)?[!#$%&'*+.^_`|~0-9A-Za-z-]+$/i, SCOPE_MESSAGE),
  v.check((part) => !/^(?:auto|none)$/i.test(part), SCOPE_MESSAGE),
  v.transform((part): ScopePart => {
    const [, place, name] = /^(cookie|query):(.*)$/i.exec(part) ?? [];
    if (place === undefined || name === undefined) return { in: 'header', name: part.toLowerCase() };
    return { in: place.toLowerCase() === 'cookie' ? 'cookie' : 'query', name };
  }),
);

const scopeFrom = v.optional(
  v.union([v.picklist(['auto', 'none']), listOf(scopePart, SCOPE_MESSAGE)], SCOPE_MESSAGE),
  'auto',
);

const failureRule = v.pipe(
  v.string(),
  v.trim(),
  v.rawTransform(({ dataset, addIssue, NEVER }): FailureRule | 'none' => {
    if (dataset.value === 'none') return 'none';
    const parsed = parseRule(dataset.value);
    if (parsed.ok) return parsed.rule;
    addIssue({ message: parsed.why });
    return NEVER;
  }),
);

const FAILURE_RULES_MAX = 32;

const failureRules = v.pipe(
  list(failureRule, `${DEFAULT_FAILED_WHEN},json:/ok=false`, DEFAULT_FAILED_WHEN, splitRules),
  v.maxLength(FAILURE_RULES_MAX, `must have at most ${FAILURE_RULES_MAX} rules`),
  v.check((rules) => rules.length === 1 || !rules.includes('none'), 'must have no other rule beside none'),
  v.transform((rules): readonly FailureRule[] => rules.filter((rule) => rule !== 'none')),
);

const upstreamUrl = v.pipe(
  v.string('must be an http or https URL'),
  v.check((text) => /^https?:$/.test(URL.parse(text)?.protocol ?? ''), 'must be an http or https URL'),
  v.check((text) => {
    const url = URL.parse(text);
    return url === null || `${url.search}${url.hash}${url.username}${url.password}` === '';
  }, 'must not have a query, a fragment or credentials: the request’s path and query are appended to it'),
  // In the URL's own spelling, so that a path can be appended to the text: no space, no empty query, no trailing slash.
  v.transform((text) => {
    const url = URL.parse(text);
    return url === null ? text : `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
  }),
);

const pathPattern = v.pipe(
  v.string('must be a Hono path pattern such as /v1/*'),
  v.startsWith('/', 'must begin with /'),
  v.check(
    (path) => !path.startsWith(OPERATOR_PREFIX),
    `must not begin with ${OPERATOR_PREFIX}, which is the gateway’s own`,
  ),
  v.check(isPathPattern, 'is not a Hono path pattern'),
  // As the path of a request is, so that the two can meet.
  v.transform(inOneSpelling),
);

/** Each origin with what is wrong with it; `*` and `none` only by themselves. */
const corsOrigins = v.pipe(
  list(
    v.pipe(
      v.string(),
      v.rawCheck(({ dataset, addIssue }) => {
        if (!dataset.typed || ['*', 'none'].includes(dataset.value)) return;
        const message = faultOfOrigin(dataset.value);
        if (message !== null) addIssue({ message });
      }),
    ),
    'https://app.example.com,https://admin.example.com',
    'none',
  ),
  v.check(
    (origins) => origins.length === 1 || !origins.some((origin) => ['*', 'none'].includes(origin)),
    'must be a list of origins, or * for all, or none',
  ),
  v.transform(([first = '', ...others]): CorsOrigins => {
    return first === '*' || first === 'none' ? first : [first, ...others];
  }),
);

export const routeSettings = {
  path: v.optional(pathPattern, '/*'),
  upstream: v.optional(upstreamUrl),
  service: v.optional(v.string('must be the name of a service binding')),
  stripPrefix: v.optional(
    v.pipe(
      v.string('must be a path'),
      v.startsWith('/', 'must begin with /'),
      v.transform((prefix) => inOneSpelling(prefix).replace(/\/+$/, '')),
    ),
    '/',
  ),
  ttlSeconds: integer(1, TTL_MAX_SECONDS, 86_400),
  key: oneOf(['required', 'optional', 'derived'], 'required'),
  keyFrom: v.optional(listOf(keyPlaceSetting, KEY_FROM_MESSAGE), DEFAULT_KEY_FROM),
  forwardKeyAs: v.optional(headerName),
  methods: list(method, 'POST,PATCH', 'POST,PATCH'),
  forwarded: oneOf(['set', 'pass', 'drop'], 'set'),
  scopeFrom,
  fingerprint: oneOf(['bytes', 'json', 'none'], 'bytes'),
  concurrent: oneOf(['wait', 'reject'], 'wait'),
  waitSeconds: integer(0, 3_600, 60),
  recordStatuses: list(recordedStatus, '200-299,404', '200-299,301-303'),
  failedWhen: failureRules,
  unknownOutcome: oneOf(['retry', 'refuse'], 'retry'),
  respondAsync: flag(false),
  corsOrigins,
  upstreamTimeoutSeconds: integer(1, 86_400, 600),
  cancelAfterSeconds: integerOrNone(0, 86_400),
  maxRequestBytes: integer(1, REQUEST_MAX_BYTES, 10_485_760),
  maxRecordBytes: integer(1, BODY_MAX_BYTES, BODY_MAX_BYTES),
  resultsFromBytes: integer(0, LEDGER_ALONE_MAX_BYTES, 0),
  maxRunningPerCaller: integer(1, 100_000, 1_000),
  maxStoredBytesPerCaller: integer(1, 1_099_511_627_776, CALLER_STORED_BYTES),
  shards: integer(1, 4_096, 16),
  location: v.optional(
    v.picklist(
      LOCATIONS,
      'must be a Durable Object location hint: wnam, enam, sam, weur, eeur, apac, oc, afr or me',
    ),
  ),
} as const satisfies Record<string, v.GenericSchema>;

export const hotSetting = integer(1, TTL_MAX_SECONDS, 300);

/** Shorter secrets are guessed. A blank one is none. Nothing here shows the value. */
const ADMIN_TOKEN_MIN_CHARACTERS = 16;

export const adminTokenSetting = v.optional(
  v.pipe(
    v.string('must be a secret text'),
    v.check(
      (token) => token === '' || token.length >= ADMIN_TOKEN_MIN_CHARACTERS,
      `must have at least ${ADMIN_TOKEN_MIN_CHARACTERS} characters; a good one comes from: openssl rand -base64 32`,
    ),
    v.transform((token) => (token === '' ? undefined : token)),
  ),
);

/** The operator's own host: a name, and a port where it is not the usual one. In the URL's own spelling. */
export const operatorHostSetting = v.optional(
  v.pipe(
    v.string('must be a host name'),
    v.transform((host) => host.trim().toLowerCase()),
    v.check(
      (host) => host === '' || isHost(host),
      'must be a host name such as ops.example.com, with a port if need be, and nothing else',
    ),
    v.transform((host) => (host === '' ? undefined : host)),
  ),
);

/** Whether it is a host as a URL spells it, so that it can be compared with one. */
function isHost(host: string): boolean {
  return (
    /^(\[[\da-f:.]+\]|[a-z\d-]+(\.[a-z\d-]+)*)(:\d+)?$/.test(host) &&
    ['http', 'https'].every((scheme) => URL.parse(`${scheme}://${host}`)?.host === host)
  );
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
