/** @module Reads a keyed request: key, caller, body, fingerprint, identity. Runs in: the Worker. */

import type { BodyBytes } from '../body-bytes.ts';
import type { Route } from '../config.ts';
import { type KeyPlace, keyHeadersOf } from '../key-from.ts';
import { log, requestFields, textOf } from '../log.ts';
import { type Parties, partiesOf } from './address.ts';
import type { BodyResult, RequestBodies } from './body.ts';
import { type Caller, callerOf } from './caller.ts';
import { fingerprintOf, type Spelling, whatIsAsked } from './fingerprint.ts';
import type { KeyToSend } from './forward.ts';
import { readKeyedBody } from './keyed-body.ts';
import type { RequestLabels } from './labels.ts';
import { isRepeatable, whyNotRepeatable } from './repeatability.ts';
import { type SentKey, sentKey } from './sent-key.ts';
import { queryOf } from './target.ts';

/** A request of a route that may be keyed, of which no more than its head was read. */
export interface UnreadRequest {
  readonly request: Request;
  /** What it asks for, in one spelling. */
  readonly target: URL;
  /** What the operator knows it by. */
  readonly labels: RequestLabels;
  /** What was found of its key without its body. */
  readonly sent: SentKey;
  /**
   * Who sends it, where more is known of that than its fields tell by the route's settings; `null`: they are
   * all.
   */
  readonly caller: ((byFields: Caller) => Caller) | null;
}

/** A keyed request that may go on: who sends it, under which key, and what it asks for. */
export interface KeyedRequest {
  readonly key: string;
  readonly keyToSend: KeyToSend;
  readonly caller: Caller;
  /** To be handed on, or released. */
  readonly body: BodyBytes;
  readonly fingerprint: string;
}

/** Why a request does not even come to the ledger. */
export type RequestRefusal =
  | { readonly reason: 'key-missing' }
  | { readonly reason: 'key-invalid'; readonly why: string; readonly place: KeyPlace }
  /** A credential holds bytes that are not UTF-8, so that its caller cannot be told from another. */
  | { readonly reason: 'caller-unreadable' }
  | { readonly reason: 'over-rate' }
  | { readonly reason: 'body-too-large'; readonly maxBytes: number }
  | { readonly reason: 'body-silent' | 'no-room' };

/** What a request turned out to be. */
export type KeyedRequestResult =
  | { readonly kind: 'request'; readonly request: KeyedRequest }
  /** `key`: the one that was sent, where there was one. */
  | { readonly kind: 'refused'; readonly refusal: RequestRefusal; readonly key: string | undefined }
  /**
   * The route can do without a key, and the body, which had to be read to know that, holds none. It is to be
   * handed on.
   */
  | { readonly kind: 'unkeyed'; readonly body: BodyBytes }
  /** The client left, or broke its own framing. */
  | { readonly kind: 'broken-off' };

/**
 * Reads a keyed request: key → caller → body → fingerprint. A key may be in the body, and is looked for as
 * soon as that is here. Nothing has been sent or asked when a request is refused, and a body that was not
 * read whole is still there to be dropped, or to be left where it stalled.
 */
export async function readKeyedRequest(
  { request, target: url, labels, sent, caller: known }: UnreadRequest,
  route: Route,
  limiter: RateLimit | null,
  bodies: RequestBodies,
): Promise<KeyedRequestResult> {
  const key = sent.kind === 'key' ? sent.key : undefined;
  const refused = (refusal: RequestRefusal): KeyedRequestResult => ({ kind: 'refused', refusal, key });
  const refusal = keyRefusal(request, sent, route);
  if (refusal !== null) return refused(refusal);

  const names = [...request.headers.keys()];
  const byFields = callerOf(request.headers, url.search, route.scopeFrom, keyFieldsOf(route), names);
  const caller = known === null ? byFields : known(byFields);
  if (`${caller.scope}${caller.bound ?? ''}`.includes('\ufffd')) {
    return refused({ reason: 'caller-unreadable' });
  }
  const isWithin =
    limiter === null ||
    (await isWithinRate(limiter, await partiesOf(request.headers, route.path, caller), labels, route));
  if (!isWithin) return refused({ reason: 'over-rate' });

  // The platform's fetch gives a GET no body, so the ledger could not send one.
  const maxBytes = request.method === 'GET' ? 0 : route.maxRequestBytes;
  const body = await bodies.read(request, maxBytes);
  if (body.kind === 'broken-off') return { kind: 'broken-off' };
  if (body.kind !== 'body') return refused(bodyRefusal(body.kind, maxBytes));
  const contentType = request.headers.get('content-type');
  const read = { request, url, names, caller, contentType, body: body.bytes };
  if (sent.kind !== 'in-body-if-at-all') return keyedRequest(read, sent, route);

  const { found, spelling } = readKeyedBody(body.bytes, contentType, route);
  const inBody = sentKey(request, url, route, found);
  if (inBody.kind === 'absent' && route.key === 'optional') return { kind: 'unkeyed', body: body.bytes };
  const late = keyRefusal(request, inBody, route);
  if (late === null) return keyedRequest({ ...read, spelling }, inBody, route);
  body.bytes.release();
  return refused(late);
}

/** What is wrong with a key, with its age where it tells one, or with there being none. */
function keyRefusal({ headers }: Request, sent: SentKey, { key, ttlSeconds }: Route): RequestRefusal | null {
  switch (sent.kind) {
    case 'absent':
      return key === 'derived' ? null : { reason: 'key-missing' };
    case 'in-body-if-at-all':
      return null;
    case 'invalid':
      return { reason: 'key-invalid', why: sent.why, place: sent.place };
    case 'key': {
      const why = isRepeatable(sent) ? whyNotRepeatable(headers, ttlSeconds, Date.now()) : null;
      return why === null ? null : { reason: 'key-invalid', why, place: sent.place };
    }
  }
}

/** A request whose body is here. */
interface ReadRequest {
  readonly request: Request;
  readonly url: URL;
  /** Those of its fields. */
  readonly names: readonly string[];
  readonly caller: Caller;
  readonly contentType: string | null;
  readonly body: BodyBytes;
  readonly spelling?: Spelling | null | undefined;
}

/** The request, with all that follows from it. */
async function keyedRequest(
  { request, url, names, caller, contentType, body, spelling }: ReadRequest,
  sent: SentKey,
  route: Route,
): Promise<KeyedRequestResult> {
  const sentKey = sent.kind === 'key' ? sent.key : null;
  const fingerprint = await fingerprintOf(
    {
      scope: caller.scope,
      sentKey,
      bound: caller.bound,
      method: request.method,
      host: route.upstream.kind === 'service' || route.forwarded === 'set' ? url.hostname : null,
      path: url.pathname,
      query: queryOf(url),
      contentType,
      asked: whatIsAsked(request.headers, names),
      body,
      spelling,
    },
    route.fingerprint,
  );
  const key = sentKey ?? fingerprint;
  const keyToSend = sent.kind === 'key' ? sent : { place: null, field: key };
  return { kind: 'request', request: { key, keyToSend, caller, body, fingerprint } };
}

/** The fields that the key comes in and goes on in. They name no caller. */
export function keyFieldsOf({ keyFrom, forwardKeyAs }: Pick<Route, 'keyFrom' | 'forwardKeyAs'>): string[] {
  const sentOn = forwardKeyAs.kind === 'in' ? [forwardKeyAs.name] : [];
  return [...keyHeadersOf(keyFrom), ...sentOn].map((name) => name.toLowerCase());
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

/**
 * Whether the caller, and its address, may go on. Where the limiter itself fails, requests do: it protects
 * the gateway's load, not its promise.
 */
export async function isWithinRate(
  limiter: RateLimit,
  { caller, address }: Parties,
  labels: RequestLabels,
  route: Pick<Route, 'path'>,
): Promise<boolean> {
  const keys = address === null ? [caller] : [address, caller];
  try {
    const counted = await Promise.all(keys.map((key) => limiter.limit({ key })));
    return counted.every(({ success }) => success);
  } catch (error) {
    const about = requestFields({ id: null, ...labels });
    log('error', 'rate-limiter-failed', { route: route.path, reason: textOf(error), ...about });
    return true;
  }
}
