/** @module The ledger's call for a keyed request. Runs in: the Worker. */

import { SEGMENT_BYTES } from '../body-bytes.ts';
import type { Route } from '../config.ts';
import type { HeaderList } from '../headers.ts';
import type { Invocation } from '../own-invocation.ts';
import type { LedgerCall } from '../protocol.ts';
import { acceptEncodingOf, askedEncoding } from './accept-encoding.ts';
import type { Parties } from './address.ts';
import { headersAsTheyCame, keyedHeaders, type OwnFields, upstreamUrl } from './forward.ts';
import type { Identity } from './identity.ts';
import type { KeyedRequest } from './keyed.ts';
import type { RequestLabels } from './labels.ts';
import { preferredWaitSeconds, withoutAsync } from './prefer.ts';

/**
 * What is said beside the request: by the gateway to an upstream, whatever codings it asks for; or to the
 * Worker's own handler.
 */
export type Along =
  | { readonly to: 'upstream'; readonly own: Omit<OwnFields, 'acceptEncoding'> }
  | { readonly to: 'handler'; readonly invocation: Omit<Invocation, 'key'> };

/** What the ledger is told beside what was read of the request. */
export interface SentOn {
  readonly identity: Identity;
  readonly request: Request;
  readonly target: URL;
  readonly route: Route;
  readonly policy: LedgerCall['policy'];
  readonly parties: Parties;
  readonly keyHash: string;
  readonly labels: RequestLabels;
  readonly along: Along;
  readonly waitUntil: (promise: Promise<unknown>) => void;
  readonly presence: LedgerCall['presence'];
  readonly respondAfterMs: LedgerCall['respondAfterMs'];
}

/**
 * The ledger's call for a keyed request. Its body is whole where it is small, and else a stream that lets go
 * of what it has sent.
 */
export function callOf(
  keyed: KeyedRequest,
  {
    identity,
    request,
    target,
    route,
    policy,
    parties,
    keyHash,
    labels,
    along,
    waitUntil,
    presence,
    respondAfterMs,
  }: SentOn,
): LedgerCall {
  const { body, fingerprint } = keyed;
  const { headers } = request;
  const waitSeconds = Math.min(route.waitSeconds, preferredWaitSeconds(headers.get('prefer')));
  return {
    policy,
    id: identity.id,
    caller: parties.caller,
    address: parties.address,
    secret: identity.secret,
    fingerprint,
    keyHash,
    ...labels,
    ...sentOn(keyed, request, target, route, along, respondAfterMs),
    body: body.length > SEGMENT_BYTES ? body.stream(waitUntil) : body.whole(),
    waitMs: waitSeconds * 1000,
    respondAfterMs,
    presence,
  };
}

/** An upstream gets the request as a gateway sends it on, the Worker's own handler as it came. */
function sentOn(
  { key, keyToSend }: KeyedRequest,
  request: Request,
  target: URL,
  route: Route,
  along: Along,
  respondAfterMs: number | null,
): Pick<LedgerCall, 'url' | 'headers' | 'invocation'> {
  const { headers, url } = request;
  if (along.to === 'handler') {
    return {
      url,
      headers: withoutPreference(headersAsTheyCame(headers), respondAfterMs),
      invocation: { ...along.invocation, key },
    };
  }
  const acceptEncoding = askedEncoding(acceptEncodingOf(request));
  const forwarded = keyedHeaders(headers, route, keyToSend, { ...along.own, acceptEncoding });
  return {
    url: upstreamUrl(route.upstream, route.stripPrefix, target),
    headers: withoutPreference(forwarded, respondAfterMs),
  };
}

/** A preference that is honoured here is not the upstream's, or the handler's, to honour again. */
function withoutPreference(headers: HeaderList, respondAfterMs: number | null): HeaderList {
  if (respondAfterMs === null) return headers;
  return headers.flatMap(([name, value]) => {
    const left = name === 'prefer' ? withoutAsync(value) : value;
    return left === null ? [] : [[name, left] as const];
  });
}
