import type { BodyBytes } from '../body-bytes.ts';
import type { Route } from '../config.ts';
import { log, textOf } from '../log.ts';
import type { Problem } from '../response/problem.ts';
import { busyProblem, rateLimitProblem } from '../response/refusal.ts';
import { type Parties, partiesOf } from './address.ts';
import type { BodyResult, RequestBodies } from './body.ts';
import { type Caller, callerOf } from './caller.ts';
import { fingerprintOf, whatIsAsked } from './fingerprint.ts';
import { type Identity, identityOf } from './identity.ts';
import { parseKey } from './key.ts';
import { queryOf } from './target.ts';

/** A keyed request that may go on: which execution it belongs to, and what it asks for. */
export interface KeyedRequest {
  readonly key: string;
  /** As it came, quoted or bare, and as the upstream gets it. */
  readonly sentKey: string;
  readonly caller: Caller;
  /** To be handed on, or released. */
  readonly body: BodyBytes;
  readonly fingerprint: string;
  readonly identity: Identity;
}

export type KeyedRequestResult =
  | { readonly kind: 'request'; readonly request: KeyedRequest }
  | { readonly kind: 'refused'; readonly problem: Problem }
  /** The client left, or broke its own framing. */
  | { readonly kind: 'broken-off' };

/**
 * Reads a keyed request: key → caller → body → fingerprint → identity. Nothing has been sent or asked when it is refused, and its
 * body is still there to be dropped, or to be left where it stalled.
 */
export async function readKeyedRequest(
  request: Request,
  url: URL,
  route: Route,
  keyField: string | null,
  limiter: RateLimit | null,
  bodies: RequestBodies,
): Promise<KeyedRequestResult> {
  const parsed = parseKey(keyField);
  if (parsed.kind === 'invalid') {
    const detail = `The value of ${route.keyHeader} is not an idempotency key. ${parsed.why}`;
    return refused({ slug: 'key-invalid', detail });
  }
  if (parsed.kind === 'absent' && route.key !== 'derived') {
    const detail = `A ${request.method} needs an idempotency key here. Send one in ${route.keyHeader}, such as a random UUID, and the same one with each retry.`;
    return refused({ slug: 'key-missing', detail });
  }
  const sent = parsed.kind === 'key' ? parsed.key : undefined;

  const names = [...request.headers.keys()];
  const caller = callerOf(request.headers, url.search, route.scopeFrom, keyFieldsOf(route), names);
  if (`${caller.scope}${caller.bound ?? ''}`.includes('\ufffd')) {
    const detail =
      'A credential holds bytes that are not UTF-8, so that its caller cannot be told from another.';
    return refused({ slug: 'key-invalid', detail, key: sent });
  }
  if (
    limiter !== null &&
    !(await isWithinRate(limiter, await partiesOf(request.headers, route.path, caller)))
  ) {
    return refused(rateLimitProblem(sent));
  }

  // The platform's fetch gives a GET no body, so the ledger could not send one.
  const maxBytes = request.method === 'GET' ? 0 : route.maxRequestBytes;
  const body = await bodies.read(request, maxBytes);
  if (body.kind === 'broken-off') return { kind: 'broken-off' };
  if (body.kind !== 'body') return refused(bodyProblem(body.kind, maxBytes, sent));

  const fingerprinted = fingerprintOf(
    {
      scope: caller.scope,
      sentKey: sent ?? null,
      bound: caller.bound,
      method: request.method,
      host: route.upstream.kind === 'service' || route.forwarded === 'set' ? url.hostname : null,
      path: url.pathname,
      query: queryOf(url),
      contentType: request.headers.get('content-type'),
      asked: whatIsAsked(request.headers, names),
      body: body.bytes,
    },
    route.fingerprint,
  );
  const key = sent ?? (await fingerprinted);
  const [fingerprint, identity] = await Promise.all([
    fingerprinted,
    identityOf(route.path, caller.scope, key),
  ]);
  return {
    kind: 'request',
    request: { key, sentKey: keyField ?? key, caller, body: body.bytes, fingerprint, identity },
  };
}

/** The fields that the key comes in and goes on in. */
function keyFieldsOf({ keyHeader, forwardKeyAs }: Route): string[] {
  return [keyHeader.toLowerCase(), (forwardKeyAs ?? keyHeader).toLowerCase()];
}

/** Why there is no body. */
function bodyProblem(
  kind: Exclude<BodyResult['kind'], 'body' | 'broken-off'>,
  maxBytes: number,
  key: string | undefined,
): Problem {
  switch (kind) {
    case 'too-large':
      return { slug: 'body-too-large', detail: `The request body is larger than ${maxBytes} bytes.`, key };
    case 'silent':
      return {
        slug: 'request-timeout',
        detail:
          'The request’s body brought nothing for too long. Nothing was sent upstream. Send the whole request again, with the same key.',
        key,
      };
    case 'no-room':
      return busyProblem(key);
  }
}

function refused(problem: Problem): KeyedRequestResult {
  return { kind: 'refused', problem };
}

/** Where the limiter itself fails, requests go on: it protects the gateway's load, not its promise. */
async function isWithinRate(limiter: RateLimit, { caller, address }: Parties): Promise<boolean> {
  const keys = address === null ? [caller] : [address, caller];
  try {
    const counted = await Promise.all(keys.map((key) => limiter.limit({ key })));
    return counted.every(({ success }) => success);
  } catch (error) {
    log('error', 'rate-limiter-failed', { reason: textOf(error) });
    return true;
  }
}
