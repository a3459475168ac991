import { SEGMENT_BYTES } from '../body-bytes.ts';
import type { Route } from '../config.ts';
import type { HeaderList } from '../headers.ts';
import type { LedgerCall, Policy } from '../protocol.ts';
import { acceptEncodingOf, askedEncoding } from './accept-encoding.ts';
import type { Parties } from './address.ts';
import { keyedHeaders, type OwnFields, upstreamUrl } from './forward.ts';
import type { KeyedRequest } from './keyed.ts';
import { preferredWaitSeconds, withoutAsync } from './prefer.ts';

/** What the ledger is told beside what was read of the request. */
export interface SentOn {
  readonly request: Request;
  readonly target: URL;
  readonly route: Route;
  readonly policy: Policy;
  readonly parties: Parties;
  readonly keyHash: string;
  /** What the gateway says itself to the upstream, whatever codings it asks for. */
  readonly own: Omit<OwnFields, 'acceptEncoding'>;
  readonly waitUntil: (promise: Promise<unknown>) => void;
  readonly presence: LedgerCall['presence'];
  readonly respondAfterMs: LedgerCall['respondAfterMs'];
}

/** The ledger's call for a keyed request. Its body is whole where it is small, and else a stream that lets go of what it has sent. */
export function callOf(
  { body, fingerprint, identity, keyToSend }: KeyedRequest,
  { request, target, route, policy, parties, keyHash, own, waitUntil, presence, respondAfterMs }: SentOn,
): LedgerCall {
  const { headers, method } = request;
  const acceptEncoding = askedEncoding(acceptEncodingOf(request));
  const waitSeconds = Math.min(route.waitSeconds, preferredWaitSeconds(headers.get('prefer')));
  return {
    policy,
    id: identity.id,
    caller: parties.caller,
    address: parties.address,
    secret: identity.secret,
    fingerprint,
    keyHash,
    method,
    url: upstreamUrl(route.upstream, route.stripPrefix, target),
    headers: withoutPreference(
      keyedHeaders(headers, route, keyToSend, { ...own, acceptEncoding }),
      respondAfterMs,
    ),
    body: body.length > SEGMENT_BYTES ? body.stream(waitUntil) : body.whole(),
    waitMs: waitSeconds * 1000,
    respondAfterMs,
    presence,
  };
}

/** A preference that the gateway honours is not the upstream's to honour again. */
function withoutPreference(headers: HeaderList, respondAfterMs: number | null): HeaderList {
  if (respondAfterMs === null) return headers;
  return headers.flatMap(([name, value]) => {
    const left = name === 'prefer' ? withoutAsync(value) : value;
    return left === null ? [] : [[name, left] as const];
  });
}
