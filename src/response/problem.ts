/**
 * @module The problems that the gateway answers with (RFC 9457), and what their pages say.
 * Runs in: the Worker.
 */

import { OPERATOR_PREFIX } from '../settings.ts';
import { PUBLIC_FIELDS } from './cors.ts';

/** A kind of problem: what its page says, and what the gateway answers. */
export interface ProblemType {
  readonly status: 400 | 403 | 404 | 408 | 409 | 413 | 422 | 429 | 500 | 502 | 503 | 504 | 508;
  readonly title: string;
  /** When it happens, and what to do about it, in paragraphs for people. */
  readonly page: readonly string[];
  /** Whether the same request, with the same key, may be sent again as it is. */
  readonly retry: boolean;
  /** The kind of error that an API's SDK takes it for, see {@link problemResponse}. */
  readonly error: 'idempotency_error' | 'invalid_request_error' | 'rate_limit_error' | 'api_error';
}

/** All problems, by the name that their page has. */
export const problemTypes = {
  'key-missing': {
    status: 400,
    title: 'The idempotency key is missing',
    page: [
      'This route asks for an idempotency key on each request of this method, and the request carried none. Nothing was sent upstream.',
      'Send a key that is new for each operation and the same for each retry of it, such as a random UUID, where the problem says. In a JSON body it is a string or an integer; a body that is no JSON has no key.',
    ],
    retry: false,
    error: 'idempotency_error',
  },
  'key-invalid': {
    status: 400,
    title: 'The idempotency key is not valid',
    page: [
      'A key has 1 to 255 characters of visible ASCII, once, either bare or as a quoted structured-field string: Idempotency-Key: "8e03978e-40d5-43dd-bc93-6894a57f9324". Nothing was sent upstream.',
      'The problem’s detail says what is wrong with the key that was sent.',
    ],
    retry: false,
    error: 'idempotency_error',
  },
  'body-too-large': {
    status: 413,
    title: 'The request body is too large',
    page: [
      'The gateway holds a request’s body while it computes its fingerprint, up to a limit that the operator sets (MAX_REQUEST_BYTES). This one is larger. Nothing was sent upstream.',
    ],
    retry: false,
    error: 'invalid_request_error',
  },
  'request-timeout': {
    status: 408,
    title: 'The request’s body did not arrive',
    page: [
      'The request’s body brought nothing for 30 seconds, and the gateway stopped waiting for it. Nothing was sent upstream.',
      'Send the whole request again, with the same key.',
    ],
    retry: true,
    error: 'invalid_request_error',
  },
  'key-reused': {
    status: 422,
    title: 'The idempotency key was used for another request',
    page: [
      'A request with this key is known, and it was another one: its method, path, query, media type, body or credentials differ. The first one’s result stays. Nothing was sent upstream.',
      'To send a new request, take a new key. To retry the first one, send exactly the same request again.',
    ],
    retry: false,
    error: 'idempotency_error',
  },
  'in-progress': {
    status: 409,
    title: 'The request is still in progress',
    page: [
      'The first request with this key is still running upstream. This one was not sent.',
      'Retry with the same key after the time that Retry-After gives.',
    ],
    retry: true,
    error: 'idempotency_error',
  },
  'outcome-unknown': {
    status: 409,
    title: 'The outcome of the first request is unknown',
    page: [
      'The first request with this key was sent, and the connection broke before its result was known: it may or may not have had its effect. This route does not run such a request a second time. Nothing was sent upstream.',
      'Find out at the upstream whether the operation took place. If it did not, send it with a new key, or ask the operator of the gateway to forget this one.',
    ],
    retry: false,
    error: 'idempotency_error',
  },
  'not-recorded': {
    status: 409,
    title: 'The request was executed, but its response was not recorded',
    page: [
      'The first request with this key ran and succeeded. Its response went to the first client whole, but is larger than what the gateway keeps (MAX_RECORD_BYTES), or there was no room to keep it, so it cannot be replayed. Nothing was sent upstream.',
    ],
    retry: false,
    error: 'idempotency_error',
  },
  'record-damaged': {
    status: 409,
    title: 'The request was executed, but its recorded response is damaged',
    page: [
      'The first request with this key ran and succeeded. What the gateway has stored of its response is not what it wrote, so it cannot be replayed. Nothing was sent upstream. Find out at the upstream what came of the first request before you send it with a new key.',
      'For the operator: no setting leads to this. Something else has changed the store, it has a fault, or a version of the gateway wrote the record that this one cannot read. The log line record-damaged says whether it was the ledger or RESULTS. If the upstream shows that the request may run again, forget the execution; if not, leave it until its time ends.',
    ],
    retry: false,
    error: 'idempotency_error',
  },
  'caller-limit': {
    status: 429,
    title: 'This caller is over a limit',
    page: [
      'The caller has more requests running, more results stored, or sends more requests a minute than the gateway lets one caller have (MAX_RUNNING_PER_CALLER, MAX_STORED_BYTES_PER_CALLER, RATE_LIMITER), or what it has running, or is reading, takes more than a caller’s share of the gateway’s memory. Limits hold for a client’s address, too. Nothing was sent upstream.',
      'Retry with the same key after the time that Retry-After gives.',
    ],
    retry: true,
    error: 'rate_limit_error',
  },
  'loop-detected': {
    status: 508,
    title: 'The gateway is its own upstream',
    page: [
      'The request came to the gateway a second time, by way of its own upstream: its name is in the request’s Via. It was not sent on.',
      'The upstream of the route (UPSTREAM_URL, or upstream or service in ROUTES) leads back to the gateway. Its operator has to set it to the API itself.',
      'In an app with the middleware: the app asks itself, each time with another key, as by middleware before it that sets a new key on each request.',
    ],
    retry: false,
    error: 'api_error',
  },
  'route-not-found': {
    status: 404,
    title: 'No route matches this path',
    page: [
      'The gateway has no route for this path. Nothing was sent upstream.',
      'Routes are set with ROUTES in its configuration.',
    ],
    retry: false,
    error: 'invalid_request_error',
  },
  'result-absent': {
    status: 404,
    title: 'There is no such result',
    page: [
      'Nothing is known of a request with this key and these credentials, or it failed, or its result has expired. Nothing was sent upstream.',
      'Send the request itself again, with the same key: it runs if it has not, and is answered with its result if it has.',
    ],
    retry: false,
    error: 'invalid_request_error',
  },
  'not-passed-on': {
    status: 403,
    title: 'The gateway does not pass this request on',
    page: [
      'The request is not one for the operator, and to send it upstream would put the operator at risk. Nothing was sent upstream.',
      'Either it carries the operator’s token or login, which no upstream is to see: look at the base URL and at the credentials that the client sends. Or it asks for the script of a service worker, which could replace the operator’s console on the same origin: with OPERATOR_HOST the console has a host of its own, and such requests are passed on.',
    ],
    retry: false,
    error: 'invalid_request_error',
  },
  'config-invalid': {
    status: 500,
    title: 'The gateway’s configuration is invalid',
    page: [
      'One or more settings of the gateway are missing or invalid, so it lets nothing through. The problem names each of them and says why.',
      'Settings are environment bindings: [vars] in wrangler.toml, or --var NAME:value.',
    ],
    retry: false,
    error: 'api_error',
  },
  'upstream-unreachable': {
    status: 502,
    title: 'The upstream gave no response',
    page: [
      'The upstream could not be reached, or the connection to it broke before a response began. Whether it acted on the request is not known.',
      'Retry with the same key. Where the route’s UNKNOWN_OUTCOME is “retry”, the request runs again; where it is “refuse”, the retry is answered with outcome-unknown.',
    ],
    retry: true,
    error: 'api_error',
  },
  'upstream-timeout': {
    status: 504,
    title: 'The upstream did not respond in time',
    page: [
      'The upstream sent no response within the time that the route allows it (UPSTREAM_TIMEOUT_SECONDS). Whether it acted on the request is not known.',
      'Retry with the same key. Where the route’s UNKNOWN_OUTCOME is “retry”, the request runs again; where it is “refuse”, the retry is answered with outcome-unknown.',
    ],
    retry: true,
    error: 'api_error',
  },
  'gateway-busy': {
    status: 503,
    title: 'The gateway has no memory left for this request',
    page: [
      'The gateway holds the bodies of running requests in memory, up to a limit, and that is reached. Nothing was sent upstream.',
      'Retry with the same key after the time that Retry-After gives.',
    ],
    retry: true,
    error: 'api_error',
  },
  'ledger-unavailable': {
    status: 503,
    title: 'The ledger is not available',
    page: [
      'The gateway cannot reach the ledger, which knows whether this request has run, and has no recorded result at hand. It does not guess: nothing was sent upstream by this request.',
      'Retry with the same key after the time that Retry-After gives.',
    ],
    retry: true,
    error: 'api_error',
  },
} as const satisfies Record<string, ProblemType>;

/** The name of a problem. */
export type ProblemSlug = keyof typeof problemTypes;

/** One problem, as it is told to one client. */
export interface Problem {
  readonly slug: ProblemSlug;
  /** What happened to this request, and what to do. */
  readonly detail: string;
  readonly key?: string | undefined;
  readonly retryAfterSeconds?: number | undefined;
  /** The gateway's member of `Cache-Status`. */
  readonly cacheStatus?: string | undefined;
}

/** Whether there is a problem of this name. */
export function isProblemSlug(slug: string): slug is ProblemSlug {
  return Object.hasOwn(problemTypes, slug);
}

/**
 * A problem as a response (RFC 9457). `requestUrl` gives the origin under which its page is served.
 *
 * A page of any origin may read it, as it holds nothing secret; the operator's surface alone is shared with
 * none. Where the route's CORS is the gateway's, the route's own fields take the place of these.
 *
 * `X-Should-Retry` and `Stripe-Should-Retry` are what the SDKs of OpenAI, Anthropic and Stripe go by before
 * they look at the status, of which they take 409 and all from 500 on for worth another try.
 *
 * The extension member `error` has the form that Stripe, OpenAI and many after them give their errors. The
 * Stripe SDK takes any JSON without it for a success, whatever the status.
 */
export function problemResponse(requestUrl: URL, problem: Problem): Response {
  const { slug, detail, key, retryAfterSeconds, cacheStatus } = problem;
  const { status, title, retry, error: errorType } = problemTypes[slug];
  const type = `${requestUrl.origin}${OPERATOR_PREFIX}/problems/${slug}`;
  const fields = {
    link: `<${type}>; rel="describedby"`,
    'x-should-retry': String(retry),
    'stripe-should-retry': String(retry),
    ...(requestUrl.pathname.startsWith(`${OPERATOR_PREFIX}/`) ? {} : PUBLIC_FIELDS),
    ...(retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }),
    ...(cacheStatus === undefined ? {} : { 'cache-status': cacheStatus }),
  };
  const error = { type: errorType, code: slug, message: detail };
  return problemJson({ type, title, status, detail, ...(key === undefined ? {} : { key }), error }, fields);
}

/** A problem's members as a response with these fields, which nobody keeps. */
export function problemJson(
  members: { type: string; title: string; status: number; detail: string; key?: string; error?: object },
  fields: Record<string, string>,
): Response {
  const headers = {
    'content-type': 'application/problem+json',
    'content-language': 'en',
    'cache-control': 'no-store',
    ...fields,
  };
  return new Response(JSON.stringify(members), { status: members.status, headers });
}
