import { type Context, Hono, type MiddlewareHandler } from 'hono';
import { SEGMENT_BYTES } from './body-bytes.ts';
import { type BadSetting, type Config, configOf, type Route } from './config.ts';
import { askLedger, reachLedger, shardOf } from './ledger/ask.ts';
import { Leases } from './ledger/leases.ts';
import { log, textOf } from './log.ts';
import { recordEvent } from './operator/events.ts';
import { health } from './operator/health.ts';
import { noSurface, operatorSurface } from './operator/operator.ts';
import { isOperatorHost } from './operator/operator-host.ts';
import { problemPage } from './operator/problem-page.tsx';
import { proxy } from './proxy.ts';
import { acceptEncodingOf, askedEncoding, takesGzip } from './request/accept-encoding.ts';
import { partiesOf } from './request/address.ts';
import { isHeldWhileRead, isUnread, RequestBodies } from './request/body.ts';
import { sha256 } from './request/digest.ts';
import { isWebSocketUpgrade, keyedHeaders, type OwnFields, upstreamUrl } from './request/forward.ts';
import { wayHere } from './request/forwarded.ts';
import { readKeyedRequest } from './request/keyed.ts';
import { preferredWaitSeconds } from './request/prefer.ts';
import { targetOf } from './request/target.ts';
import { hasBeenAt, pseudonymOf, viaEntry } from './request/via.ts';
import { cacheStatus } from './response/cache-status.ts';
import { isNegotiatedGzip, withoutGzip } from './response/coding.ts';
import {
  answerPreflight,
  answerPreflightWithoutRoute,
  type CorsPolicy,
  shareResponse,
} from './response/cors.ts';
import { type Problem, problemResponse } from './response/problem.ts';
import { noResponseProblem, problemOf } from './response/refusal.ts';
import { type RespondingAnswer, responseFrom } from './response/replay.ts';
import { OPERATOR_PREFIX } from './settings.ts';
import { unknownSettings } from './unknown-settings.ts';

type App = Hono<{ Bindings: object }>;
type RequestContext = Context<{ Bindings: object }>;

const apps = new WeakMap<object, App>();

/** The request bodies of this isolate. */
const bodies = new RequestBodies();

/** Answers a request. One that is answered before its body was read has it dropped first, so that the client gets the answer. */
export async function answer(request: Request, env: object, ctx: ExecutionContext): Promise<Response> {
  const response = await gatewayOf(env).fetch(request, env, ctx);
  if (isUnread(request)) await bodies.drop(request);
  return response;
}

/** The gateway for this environment, made once per isolate. */
export function gatewayOf(env: object): App {
  const before = apps.get(env);
  if (before !== undefined) return before;
  const result = configOf(env);
  const unknown = unknownSettings(env);
  if (unknown.length > 0) log('warn', 'setting-unknown', { detail: sayWhatIsWrong(unknown) });
  const app = result.ok ? gateway(result.config) : misconfigured([...result.bad, ...unknown]);
  apps.set(env, app);
  return app;
}

function gateway(config: Config): App {
  const app: App = new Hono({ getPath: (request) => targetOf(request.url).pathname });
  app.get(`${OPERATOR_PREFIX}/health`, health);
  app.get(`${OPERATOR_PREFIX}/problems/:slug`, problemPage);
  const operator = operatorSurface(config);
  app.route('/', operator.app);
  app.all(`${OPERATOR_PREFIX}/*`, (c) => {
    const url = new URL(c.req.url);
    return problemResponse(url, noSurface(url, config));
  });
  const { operatorHost } = config;
  if (operatorHost !== null) {
    app.use((c, next) =>
      isOperatorHost(operatorHost, new URL(c.req.url)) ? Promise.resolve(notFound(c.req.url)) : next(),
    );
  }
  const parts = { config, leases: new Leases(), pseudonym: pseudonymOf(config.ledger, config.routes) };
  for (const route of config.routes) {
    const { path, corsOrigins: origins, keyHeader } = route;
    if (origins !== 'none') app.use(path, crossOrigin({ origins, keyHeaders: [keyHeader] }));
    const pass = (c: RequestContext) => handle(c, parts, route);
    app.all(path, (c) => operator.guard?.around(c.req.raw, () => pass(c)) ?? pass(c));
  }
  app.notFound((c) => answerPreflightWithoutRoute(c.req.raw) ?? notFound(c.req.url));
  app.onError((error, c) => unexpected(error, new URL(c.req.url)));
  return app;
}

/** A gateway with an invalid setting lets nothing through. Only the pages that explain problems are served. */
function misconfigured(bad: readonly BadSetting[]): App {
  const detail = sayWhatIsWrong(bad);
  log('error', 'config-invalid', { detail });
  const app: App = new Hono();
  app.get(`${OPERATOR_PREFIX}/problems/:slug`, problemPage);
  const invalid = (c: RequestContext) =>
    problemResponse(new URL(c.req.url), { slug: 'config-invalid', detail });
  app.all(`${OPERATOR_PREFIX}/*`, invalid);
  app.all('*', (c) => answerPreflightWithoutRoute(c.req.raw) ?? invalid(c));
  return app;
}

function sayWhatIsWrong(settings: readonly BadSetting[]): string {
  const text = settings.map(({ setting, why }) => `${setting} ${why}`).join('; ');
  return text.endsWith('?') ? text : `${text}.`;
}

/** What pages of other origins get of a route whose CORS is the gateway's: preflights answered here, and its fields on all else. */
function crossOrigin(policy: CorsPolicy): MiddlewareHandler {
  return async (c, next) => {
    const preflight = answerPreflight(c.req.raw, policy);
    if (preflight !== null) return preflight;
    // A defect of the route has become its problem by then.
    await next();
    shareResponse(c.res.headers, c.req.raw.headers.get('origin'), policy.origins);
    return;
  };
}

/** What all requests of a gateway share. */
interface Parts {
  readonly config: Config;
  readonly leases: Leases;
  /** The gateway's name in `Via`. */
  readonly pseudonym: string;
}

/** One request of a route: a plain proxy, or keyed, with a log line of its own. */
async function handle(c: RequestContext, parts: Parts, route: Route): Promise<Response> {
  const startedAt = Date.now();
  const request = c.req.raw;
  const url = targetOf(c.req.url);
  if (hasBeenAt(parts.pseudonym, request.headers)) return looped(url, route);
  if (!mayBeKeyed(request, route)) return passOn(request, url, route, parts, c.env);
  const keyField = keyFieldOf(request, route);
  if (keyField === null && route.key === 'optional') return passOn(request, url, route, parts, c.env);

  const handled = await keyed(c, url, keyField, parts, route);
  const { response, outcome, shard, keyHash } = handled;
  const event = {
    route: route.path,
    outcome,
    status: response.status,
    shard,
    ms: Date.now() - startedAt,
  };
  log('info', 'request', { ...event, keyHash });
  recordEvent(parts.config.events, event);
  return response;
}

interface Handled {
  readonly response: Response;
  readonly outcome: string;
  /** The ledger object that was asked; `null` where the request was refused before. */
  readonly shard: number | null;
  /** By which an operator who knows the key finds the log line; `null` where none was read. */
  readonly keyHash: string | null;
}

/** What is said of a request that was refused before the ledger was asked. */
const NOT_ASKED = { shard: null, keyHash: null } as const;

/** The way of a keyed request: read it → lease or ledger → response. */
async function keyed(
  c: RequestContext,
  url: URL,
  keyField: string | null,
  { config, leases, pseudonym }: Parts,
  route: Route,
): Promise<Handled> {
  const request = c.req.raw;
  const refuse = (problem: Problem, asked: Pick<Handled, 'shard' | 'keyHash'> = NOT_ASKED): Handled => ({
    response: problemResponse(url, {
      cacheStatus: cacheStatus({ kind: 'refused', reason: problem.slug }),
      ...problem,
    }),
    outcome: problem.slug,
    ...asked,
  });

  const reading = readKeyedRequest(request, url, route, keyField, config.rateLimiter, bodies);
  // A client that leaves would end it without a word, and what it holds would be held on to.
  if (isHeldWhileRead(request)) c.executionCtx.waitUntil(reading);
  const read = await reading;
  if (read.kind === 'refused') return refuse(read.problem);
  if (read.kind === 'broken-off') {
    return { response: new Response(null, { status: 400 }), outcome: 'request-broken-off', ...NOT_ASKED };
  }
  const { key, sentKey, caller, body, fingerprint, identity } = read.request;
  const { id, secret } = identity;
  const shard = shardOf(id, route.shards);

  const leased = leases.replay(id, fingerprint, (lease, replays) =>
    reachLedger(config, route, shard).countReplays(id, lease, replays),
  );
  if (leased !== null) {
    body.release();
    const { answer, keyHash, counted } = leased;
    if (counted !== null) c.executionCtx.waitUntil(counted);
    const response = await responseTo(request, url, route, answer, caller.anonymous);
    return { response, outcome: answer.outcome, shard, keyHash };
  }

  const [parties, keyHash] = await Promise.all([partiesOf(request.headers, route.path, caller), sha256(key)]);
  const askedAt = Date.now();
  const asked = askLedger(config, route, shard, {
    route: route.path,
    id,
    caller: parties.caller,
    address: parties.address,
    secret,
    fingerprint,
    keyHash,
    method: request.method,
    url: upstreamUrl(route.upstream, route.stripPrefix, url),
    headers: keyedHeaders(
      request.headers,
      route,
      sentKey,
      ownFields(route, url, pseudonym, askedEncoding(acceptEncodingOf(request))),
    ),
    body: body.length > SEGMENT_BYTES ? body.stream((sent) => c.executionCtx.waitUntil(sent)) : body.whole(),
    waitMs: Math.min(route.waitSeconds, preferredWaitSeconds(request.headers.get('prefer'))) * 1000,
  });
  // What went along with the call is copied by now. The upstream may take its time.
  if (body.length <= SEGMENT_BYTES) body.release();
  const answer = await asked;
  leases.keep(id, { fingerprint, keyHash }, answer, askedAt);
  switch (answer.outcome) {
    case 'executed':
    case 'joined':
    case 'replayed': {
      const response = await responseTo(request, url, route, answer, caller.anonymous);
      return { response, outcome: answer.outcome, shard, keyHash };
    }
    default:
      return refuse(problemOf(answer, key), { shard, keyHash });
  }
}

/** The response to this client, in a coding that it takes. */
async function responseTo(
  request: Request,
  target: URL,
  route: Route,
  answer: RespondingAnswer,
  anonymous: boolean,
): Promise<Response> {
  const other = isNegotiatedGzip(answer.head) && !takesGzip(acceptEncodingOf(request));
  return responseFrom(other ? await withoutGzip(answer) : answer, anonymous, { target, route });
}

function ownFields(route: Route, target: URL, pseudonym: string, acceptEncoding: string | null): OwnFields {
  return { via: viaEntry(pseudonym), wayHere: wayHere(route.forwarded, target), acceptEncoding };
}

/** The field that holds the key. Where a route can do without a key, an empty field is none. */
function keyFieldOf(request: Request, route: Route): string | null {
  const field = request.headers.get(route.keyHeader);
  return field?.trim() === '' && route.key !== 'required' ? null : field;
}

function mayBeKeyed(request: Request, route: Route): boolean {
  return route.methods.includes(request.method) && !isWebSocketUpgrade(request);
}

async function passOn(
  request: Request,
  url: URL,
  route: Route,
  { pseudonym }: Parts,
  env: object,
): Promise<Response> {
  const own = ownFields(route, url, pseudonym, acceptEncodingOf(request));
  const result = await proxy(request, url, route, own, env);
  if (result.kind === 'response') return result.response;
  log('warn', 'upstream-gave-no-response', { route: route.path, reason: textOf(result.error) });
  return problemResponse(url, {
    ...noResponseProblem(result.reason),
    cacheStatus: cacheStatus({ kind: 'bypass' }),
  });
}

/** The request came back from the upstream that it was sent to. */
function looped(url: URL, route: Route): Response {
  log('error', 'loop-detected', { route: route.path });
  return problemResponse(url, {
    slug: 'loop-detected',
    detail:
      'This request has been at this gateway before: the upstream of its route leads back here. It was not sent on.',
    cacheStatus: cacheStatus({ kind: 'refused', reason: 'loop-detected' }),
  });
}

function notFound(requestUrl: string): Response {
  const url = new URL(requestUrl);
  return problemResponse(url, { slug: 'route-not-found', detail: `No route matches ${url.pathname}.` });
}

/** A defect of the gateway itself. Whether something was sent is not known, and the client is told so. */
function unexpected(error: Error, url: URL): Response {
  log('error', 'unexpected', { reason: textOf(error), stack: error.stack ?? null });
  return problemResponse(url, noResponseProblem('upstream-unreachable'));
}
