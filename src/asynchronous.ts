/**
 * @module The result of a request that its caller did not wait for, fetched with the same key and
 * credentials. Runs in: the Worker.
 */

import { askResult, shardOf } from './ask/ask.ts';
import type { Route } from './config.ts';
import { resultKeyFrom } from './key-from.ts';
import { type Gate, type Handled, type Keyable, NOT_ASKED, refused, responseTo } from './keyed.ts';
import { partiesOf } from './request/address.ts';
import { callerOf } from './request/caller.ts';
import { sha256 } from './request/digest.ts';
import { bindingOf } from './request/fingerprint.ts';
import { identityOf } from './request/identity.ts';
import { isWithinRate, keyFieldsOf, type RequestRefusal } from './request/keyed.ts';
import { sentKey } from './request/sent-key.ts';
import { acceptedResponse, RESULTS_PREFIX, resultAddress } from './response/accepted.ts';
import { problemOf, requestProblem } from './response/refusal.ts';

/**
 * What the result is of that this target asks for: the target of the request, which is the same without what
 * stands before its path. `null` where it asks for none.
 */
export function requestedTarget(target: URL, base: string): URL | null {
  const prefix = `${base}${RESULTS_PREFIX}`;
  if (!target.pathname.startsWith(`${prefix}/`)) return null;
  return new URL(`${target.origin}${target.pathname.slice(prefix.length)}${target.search}`);
}

/** Somebody comes back for what became of a request; `target` is what that asked for. */
export type Return = Pick<Keyable, 'request' | 'target' | 'labels' | 'caller' | 'resultsBase'>;

/**
 * Answers with what became of a request. To ask costs what a replay does, so it counts as one: against the
 * rate limiter, and among the readers of large results.
 */
export async function answerResult(
  { request, target: of, labels, caller: known, resultsBase }: Return,
  route: Route,
  gate: Gate,
): Promise<Handled> {
  const keyFrom = resultKeyFrom(route.keyFrom);
  const refuse = (refusal: RequestRefusal, key?: string) =>
    refused(of, requestProblem(refusal, key, { keyFrom, method: request.method }), NOT_ASKED);
  const sent = sentKey(request, of, { key: 'required', keyFrom }, null);
  if (sent.kind === 'invalid') return refuse({ reason: 'key-invalid', why: sent.why, place: sent.place });
  if (sent.kind !== 'key') return refuse({ reason: 'key-missing' });
  const { key } = sent;
  const keyFields = keyFieldsOf({ keyFrom, forwardKeyAs: route.forwardKeyAs });
  const byFields = callerOf(request.headers, of.search, route.scopeFrom, keyFields);
  const caller = known === null ? byFields : known(byFields);
  const parties = await partiesOf(request.headers, route.path, caller);
  const { rateLimiter } = gate;
  if (rateLimiter !== null && !(await isWithinRate(rateLimiter, parties, labels, route))) {
    return refuse({ reason: 'over-rate' }, key);
  }
  const [{ id, secret }, binding, keyHash] = await Promise.all([
    identityOf(route.path, caller.scope, key),
    caller.bound === null ? null : bindingOf(caller.scope, key, caller.bound),
    sha256(key),
  ]);
  const asked = { shard: shardOf(id, route.shards), keyHash, id };
  const query = { route: route.path, id, secret, binding, ...parties, ...labels };
  const answer = await askResult(gate, route, asked.shard, query);
  switch (answer.outcome) {
    case 'absent': {
      const detail = 'There is no result for this key and these credentials. Send the request itself again.';
      return refused(of, { slug: 'result-absent', detail, key }, asked);
    }
    case 'accepted':
      return { response: acceptedResponse(of, resultsBase), outcome: answer.outcome, ...asked };
    case 'executed':
    case 'joined':
    case 'replayed': {
      const fetched = { request, target: of, labels, from: new URL(resultAddress(of, resultsBase)) };
      const response = await responseTo(fetched, id, route, answer, caller.anonymous);
      // Under this address every key and caller finds another one, and a GET is what caches keep.
      response.headers.set('cache-control', 'no-store');
      return { response, outcome: answer.outcome, ...asked };
    }
    default:
      return refused(of, problemOf(answer, key), asked);
  }
}
