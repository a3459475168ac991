import type { BodyBytes } from '../body-bytes.ts';
import type { Route } from '../config.ts';
import { log, textOf } from '../log.ts';
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

/** Why a request does not even come to the ledger. */
export type RequestRefusal =
  | { readonly reason: 'key-missing' }
  | { readonly reason: 'key-invalid'; readonly why: string }
  /** A credential holds bytes that are not UTF-8, so that its caller cannot be told from another. */
  | { readonly reason: 'caller-unreadable' }
  | { readonly reason: 'over-rate' }
  | { readonly reason: 'body-too-large'; readonly maxBytes: number }
  | { readonly reason: 'body-silent' | 'no-room' };

export type KeyedRequestResult =
  | { readonly kind: 'request'; readonly request: KeyedRequest }
  /** `key`: the one that was sent, where there was one. */
  | { readonly kind: 'refused'; readonly refusal: RequestRefusal; readonly key: string | undefined }
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
  known: ((byFields: Caller) => Caller) | null,
): Promise<KeyedRequestResult> {
  const parsed = parseKey(keyField);
  const sent = parsed.kind === 'key' ? parsed.key : undefined;
  const refused = (refusal: RequestRefusal): KeyedRequestResult => ({ kind: 'refused', refusal, key: sent });
  if (parsed.kind === 'invalid') return refused({ reason: 'key-invalid', why: parsed.why });
  if (parsed.kind === 'absent' && route.key !== 'derived') return refused({ reason: 'key-missing' });

  const names = [...request.headers.keys()];
  const byFields = callerOf(request.headers, url.search, route.scopeFrom, keyFieldsOf(route), names);
  const caller = known === null ? byFields : known(byFields);
  if (`${caller.scope}${caller.bound ?? ''}`.includes('\ufffd')) {
    return refused({ reason: 'caller-unreadable' });
  }
  const isWithin =
    limiter === null || (await isWithinRate(limiter, await partiesOf(request.headers, route.path, caller)));
  if (!isWithin) return refused({ reason: 'over-rate' });

  // The platform's fetch gives a GET no body, so the ledger could not send one.
  const maxBytes = request.method === 'GET' ? 0 : route.maxRequestBytes;
  const body = await bodies.read(request, maxBytes);
  if (body.kind === 'broken-off') return { kind: 'broken-off' };
  if (body.kind !== 'body') return refused(bodyRefusal(body.kind, maxBytes));

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

function bodyRefusal(
  kind: Exclude<BodyResult['kind'], 'body' | 'broken-off'>,
  maxBytes: number,
): RequestRefusal {
  switch (kind) {
    case 'too-large':
      return { reason: 'body-too-large', maxBytes };
    case 'silent':
      return { reason: 'body-silent' };
    case 'no-room':
      return { reason: 'no-room' };
  }
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
