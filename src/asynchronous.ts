/** @module The result of a request that its caller did not wait for, fetched with the same key and credentials. Runs in: the Worker. */
import { askResult, shardOf } from './ask/ask.ts';
import type { Route } from './config.ts';
import { resultKeyFrom } from './key-from.ts';
import type { Gate, Handled } from './keyed.ts';
import { acceptEncodingOf, takesGzip } from './request/accept-encoding.ts';
import { callerOf } from './request/caller.ts';
import { sha256 } from './request/digest.ts';
import { bindingOf } from './request/fingerprint.ts';
import { identityOf } from './request/identity.ts';
import { keyFieldsOf } from './request/keyed.ts';
import { sentKey } from './request/sent-key.ts';
import { acceptedResponse, RESULTS_PREFIX } from './response/accepted.ts';
import { cacheStatus } from './response/cache-status.ts';
import { isNegotiatedGzip, withoutGzip } from './response/coding.ts';
import { type Problem, problemResponse } from './response/problem.ts';
import { problemOf, requestProblem } from './response/refusal.ts';
import { responseFrom } from './response/replay.ts';

/** What the result is of: the target of the request, which is the one that is asked for now without the prefix. */
function requestedTarget(target: URL): URL {
  return new URL(`${target.origin}${target.pathname.slice(RESULTS_PREFIX.length)}${target.search}`);
}

/** Answers with what became of a request. */
export async function answerResult(
  request: Request,
  target: URL,
  route: Route,
  gate: Gate,
): Promise<Handled> {
  const of = requestedTarget(target);
  const refuse = (problem: Problem, shard: number | null, keyHash: string | null): Handled => ({
    response: problemResponse(of, {
      cacheStatus: cacheStatus({ kind: 'refused', reason: problem.slug }),
      ...problem,
    }),
    outcome: problem.slug,
    shard,
    keyHash,
  });
  const keyFrom = resultKeyFrom(route.keyFrom);
  const sent = sentKey(request, of, { key: 'required', keyFrom }, null);
  if (sent.kind !== 'key') {
    const refusal =
      sent.kind === 'invalid'
        ? ({ reason: 'key-invalid', why: sent.why, place: sent.place } as const)
        : ({ reason: 'key-missing' } as const);
    return refuse(requestProblem(refusal, undefined, { keyFrom, method: request.method }), null, null);
  }
  const { key } = sent;
  const keyFields = keyFieldsOf({ keyFrom, forwardKeyAs: route.forwardKeyAs });
  const caller = callerOf(request.headers, of.search, route.scopeFrom, keyFields);
  const [{ id, secret }, binding, keyHash] = await Promise.all([
    identityOf(route.path, caller.scope, key),
    caller.bound === null ? null : bindingOf(caller.scope, key, caller.bound),
    sha256(key),
  ]);
  const shard = shardOf(id, route.shards);
  const answer = await askResult(gate, route, shard, { route: route.path, id, secret, binding });
  switch (answer.outcome) {
    case 'absent':
      return refuse(
        {
          slug: 'result-absent',
          detail: 'There is no result for this key and these credentials. Send the request itself again.',
          key,
        },
        shard,
        keyHash,
      );
    case 'accepted':
      return { response: acceptedResponse(of), outcome: answer.outcome, shard, keyHash };
    case 'executed':
    case 'joined':
    case 'replayed': {
      const other = isNegotiatedGzip(answer.head) && !takesGzip(acceptEncodingOf(request));
      const given = other ? await withoutGzip(answer) : answer;
      const response = responseFrom(given, caller.anonymous, { target: of, route });
      return { response, outcome: answer.outcome, shard, keyHash };
    }
    default:
      return refuse(problemOf(answer, key), shard, keyHash);
  }
}
