import { SEGMENT_BYTES } from '../body-bytes.ts';
import type { Route } from '../config.ts';
import type { LedgerCall, Policy } from '../protocol.ts';
import { acceptEncodingOf, askedEncoding } from './accept-encoding.ts';
import type { Parties } from './address.ts';
import { keyedHeaders, type OwnFields, upstreamUrl } from './forward.ts';
import type { KeyedRequest } from './keyed.ts';
import { preferredWaitSeconds } from './prefer.ts';

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
}

/** The ledger's call for a keyed request. Its body is whole where it is small, and else a stream that lets go of what it has sent. */
export function callOf(
  { body, fingerprint, identity, keyToSend }: KeyedRequest,
  { request, target, route, policy, parties, keyHash, own, waitUntil }: SentOn,
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
    headers: keyedHeaders(headers, route, keyToSend, { ...own, acceptEncoding }),
    body: body.length > SEGMENT_BYTES ? body.stream(waitUntil) : body.whole(),
    waitMs: waitSeconds * 1000,
  };
}
