/**
 * @module The settings of a route and of the gateway: what each takes, its default, and what it does. They
 * are said here once: the configuration's types, docs/settings.md and what is said of a misspelt name all
 * come from these two lists. Runs in: the Worker.
 */

import { TrieRouter } from 'hono/router/trie-router';
import * as v from 'valibot';
import { DEFAULT_FAILED_WHEN, type FailureRule, splitRules } from './failed-when.ts';
import { DEFAULT_KEY_FROM } from './key-from.ts';
import type { CorsOrigins } from './origin.ts';
import { inOneSpelling } from './path-spelling.ts';
import { LOCATIONS } from './protocol.ts';
import { KV_VALUE_MAX_BYTES, PIECE_BYTES, RECORD_HEAD_MAX_BYTES } from './record/format.ts';
import {
  corsOrigin,
  failureRule,
  flag,
  headerName,
  hostName,
  integer,
  integerOrNone,
  keyPlaces,
  list,
  method,
  oneOf,
  recordedStatus,
  scope,
  upstreamUrl,
} from './setting-values.ts';

/** Everything under this path belongs to the gateway itself. */
export const OPERATOR_PREFIX = '/_oncegate';

const BODY_MAX_BYTES = KV_VALUE_MAX_BYTES - RECORD_HEAD_MAX_BYTES;

/**
 * Half of what a ledger object stores. One caller cannot fill it, and before that its bodies leave for KV:
 * see storage-room.ts.
 */
const CALLER_STORED_BYTES = 5_000_000_000;

/** A result that stays in the ledger alone is one piece of a body, with its row. */
const LEDGER_ALONE_MAX_BYTES = PIECE_BYTES;

/** A request body is held in memory while it is fingerprinted; a Worker has 128 MB in all. */
const REQUEST_MAX_BYTES = 64 * 1024 * 1024;

/** 90 days. APIs that keep idempotency keys for long keep them for 31 to 45. */
const TTL_MAX_SECONDS = 7_776_000;

/** Shorter secrets are guessed. */
const ADMIN_TOKEN_MIN_CHARACTERS = 16;

const FAILURE_RULES_MAX = 32;

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

const failureRules = v.pipe(
  list(failureRule, `${DEFAULT_FAILED_WHEN},json:/ok=false`, DEFAULT_FAILED_WHEN, splitRules),
  v.maxLength(FAILURE_RULES_MAX, `must have at most ${FAILURE_RULES_MAX} rules`),
  v.check((rules) => rules.length === 1 || !rules.includes('none'), 'must have no other rule beside none'),
  v.transform((rules): readonly FailureRule[] => rules.filter((rule) => rule !== 'none')),
);

/** `*` and `none` only by themselves. */
const corsOrigins = v.pipe(
  list(corsOrigin, 'https://app.example.com,https://admin.example.com', 'none'),
  v.check(
    (origins) => origins.length === 1 || !origins.some((origin) => ['*', 'none'].includes(origin)),
    'must be a list of origins, or * for all, or none',
  ),
  v.transform(([first = '', ...others]): CorsOrigins => {
    return first === '*' || first === 'none' ? first : [first, ...others];
  }),
);

/** A blank one is none. What is said of it never shows it. */
const adminToken = v.pipe(
  v.string('must be a secret text'),
  v.check(
    (token) => token === '' || token.length >= ADMIN_TOKEN_MIN_CHARACTERS,
    `must have at least ${ADMIN_TOKEN_MIN_CHARACTERS} characters; a good one comes from: openssl rand -base64 32`,
  ),
  v.transform((token) => (token === '' ? null : token)),
);

/**
 * A setting: what it takes and what it does, in the Markdown of docs/settings.md. `otherwise` says what holds
 * without it, where that is not the default as one would write it.
 */
function setting<const T extends v.GenericSchema>(schema: T, description: string, otherwise?: string) {
  return v.pipe(
    schema,
    v.description<v.InferOutput<T>, string>(description),
    v.metadata<v.InferOutput<T>, { otherwise: string | undefined }>({ otherwise }),
  );
}

/** What one route can be told. */
export const routeSettings = {
  path: setting(v.optional(pathPattern, '/*'), 'path pattern; first match wins'),
  upstream: setting(v.optional(upstreamUrl), 'base URL; the request’s path and query are appended to it'),
  service: setting(
    v.optional(v.string('must be the name of a service binding')),
    'name of a service binding to call instead',
  ),
  stripPrefix: setting(
    v.optional(
      v.pipe(
        v.string('must be a path'),
        v.startsWith('/', 'must begin with /'),
        v.transform((prefix) => inOneSpelling(prefix).replace(/\/+$/, '')),
      ),
      '/',
    ),
    'prefix taken off the path before it goes upstream',
    '–',
  ),
  ttlSeconds: setting(
    integer(1, TTL_MAX_SECONDS, 86_400),
    'how long a result is replayed; 24–48 h are recommended, 90 days the most',
  ),
  key: setting(
    oneOf(['required', 'optional', 'derived'], 'required'),
    'without a key: `required` answers 400, `optional` is a plain proxy, `derived` takes the request’s fingerprint as its key',
  ),
  keyFrom: setting(
    v.optional(keyPlaces, DEFAULT_KEY_FROM),
    'where the key is, a list of which [the first that holds one counts](keys.md): a header’s name, `query:NAME`, or `json:/POINTER`, a string or an integer in a JSON body',
  ),
  forwardKeyAs: setting(
    v.optional(headerName),
    'the header that the upstream gets the key in; `none` drops the headers that hold one. A key in the query or in the body stays there either way',
    'as it came',
  ),
  methods: setting(
    list(method, 'POST,PATCH', 'POST,PATCH'),
    'methods that are keyed; all others are passed on as they are',
  ),
  forwarded: setting(
    oneOf(['set', 'pass', 'drop'], 'set'),
    'who tells the upstream by which host and scheme a request came. `set`: the gateway, in `X-Forwarded-Host` and `X-Forwarded-Proto`; what the client says in these, in `Forwarded` and in their kin goes no further. `pass`: the client, or a proxy before the gateway that you trust. `drop`: nobody',
  ),
  scopeFrom: setting(
    v.optional(scope, 'auto'),
    'who the caller is: `auto` (see [callers](callers.md)), `none` (all callers are one), or a list of header names, `cookie:NAME` and `query:NAME`, and then nothing else counts',
  ),
  fingerprint: setting(
    oneOf(['bytes', 'json', 'none'], 'bytes'),
    'what of its body makes a request the same. `bytes`: each byte. `json`: the order of members, white space and the spelling of strings and numbers in a JSON body of up to 1 MiB do not matter (RFC 8785); a larger one counts byte by byte. `none`: the key alone says which request it is, whatever its method, path and body, [as for webhooks](webhooks.md); cookies bind as ever',
  ),
  concurrent: setting(
    oneOf(['wait', 'reject'], 'wait'),
    'a duplicate while the first request runs: `wait` joins it, `reject` answers 409',
  ),
  waitSeconds: setting(
    integer(0, 3_600, 60),
    'how long a duplicate waits for the running request’s head before it gets 409. `Prefer: wait=N` lowers it',
  ),
  recordStatuses: setting(
    list(recordedStatus, '200-299,404', '200-299,301-303'),
    'what counts as success, such as `200-299,404`. 307 and 308 never do, nor do 301 and 302 to any method but POST: they [send the request elsewhere](answers.md#redirects)',
  ),
  failedWhen: setting(
    failureRules,
    'by which marks a success [says that it failed](failed-when.md), so that a retry runs again: an error or a missing end in an LLM’s stream; also `json-error`, `json:/POINTER=value`, or `none`',
  ),
  unknownOutcome: setting(
    oneOf(['retry', 'refuse'], 'retry'),
    'the gateway died or the upstream broke off in the middle, and nobody knows what came of it: `retry` runs it again, `refuse` answers 409 until an operator forgets it or its TTL ends',
  ),
  cancelAfterSeconds: setting(
    integerOrNone(0, 86_400),
    'how long a run goes on [after its last client has left](long-calls.md#stop-when-everybody-has-left-cancel_after_seconds); `0`: not at all',
    'none: to its end',
  ),
  respondAsync: setting(
    flag(false),
    '`true`: a client that [prefers `respond-async`](long-calls.md) gets 202, and comes back for the result',
  ),
  corsOrigins: setting(
    corsOrigins,
    'origins whose pages may read the answers, such as `https://app.example.com`, or `*`: the gateway answers preflights and sets the CORS fields of every response, [see there](browsers.md)',
    'none: CORS is the upstream’s',
  ),
  upstreamTimeoutSeconds: setting(
    integer(1, 86_400, 600),
    'longest silence of the upstream, before its head or between two pieces of its body',
  ),
  maxRequestBytes: setting(
    integer(1, REQUEST_MAX_BYTES, 10_485_760),
    'larger request bodies get 413; 64 MiB is the most',
  ),
  maxRecordBytes: setting(
    integer(1, BODY_MAX_BYTES, BODY_MAX_BYTES),
    'a larger response reaches its client whole but is not recorded: its retries get 409',
  ),
  resultsFromBytes: setting(
    integer(0, LEDGER_ALONE_MAX_BYTES, 0),
    'a smaller result stays in the ledger for its TTL and is never written to KV: [half the cost](cost.md), but while the ledger is out of reach its retry gets 503, and [an object holds 10 GB](deploying.md#what-it-costs). 524288 is the most',
  ),
  maxRunningPerCaller: setting(
    integer(1, 100_000, 1_000),
    'executions that one caller, or [one address](#limits-of-a-caller), may have running in one ledger object; over it, 429',
  ),
  maxStoredBytesPerCaller: setting(
    integer(1, 1_099_511_627_776, CALLER_STORED_BYTES),
    'bytes that one caller, or [one address](#limits-of-a-caller), may have in one ledger object, which holds 10 GB: its results since the object started, less the bodies that have left for KV; over it, new executions get 429',
  ),
  shards: setting(
    integer(1, 4_096, 16),
    'ledger objects for the route. Another number starts with an empty ledger',
  ),
  location: setting(
    v.nullish(
      v.picklist(
        LOCATIONS,
        'must be a Durable Object location hint: wnam, enam, sam, weur, eeur, apac, oc, afr or me',
      ),
      null,
    ),
    '[location hint](https://developers.cloudflare.com/durable-objects/reference/data-location/) for the ledger: near the upstream is best',
  ),
} as const satisfies Record<string, v.GenericSchema>;

/** What the whole gateway can be told, beside its routes and its bindings. */
export const gatewaySettings = {
  hotSeconds: setting(
    integer(1, TTL_MAX_SECONDS, 300),
    'how long a result of more than 512 KiB stays in the ledger as well as in KV; smaller ones stay for their TTL, as long as [its object has room](operating.md#a-ledger-object-is-full). Less than 60 is for tests: KV takes that long to be the same everywhere',
  ),
  adminToken: setting(
    v.optional(adminToken, ''),
    'the operator’s secret, of 16 characters or more: it opens [console, API and metrics](operating.md). Set it by `wrangler secret put ADMIN_TOKEN`, never in `[vars]`',
    'none: they are switched off',
  ),
  operatorHost: setting(
    v.optional(hostName, ''),
    'a host name, with a port if need be, that the operator’s surface has for itself and that passes nothing on: set it [whenever the upstream serves HTML](deploying.md#a-host-of-its-own-for-the-operator)',
    'none: it shares every host',
  ),
} as const satisfies Record<string, v.GenericSchema>;

/** The settings of a route, by name. */
export type RouteSettings = {
  readonly [F in keyof typeof routeSettings]: v.InferOutput<(typeof routeSettings)[F]>;
};

/** The settings of the gateway, by name. */
export type GatewaySettings = {
  readonly [F in keyof typeof gatewaySettings]: v.InferOutput<(typeof gatewaySettings)[F]>;
};

/** The environment's name of a setting: `ttlSeconds` → `TTL_SECONDS`; `null` where only a route has it. */
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
