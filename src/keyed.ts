/**
 * @module The way of a keyed request: read it → lease or ledger → response. It knows no router.
 * Runs in: the Worker.
 */

import { askLedger, type LedgerAccess, reachLedger, shardOf } from './ask/ask.ts';
import type { Leases } from './ask/leases.ts';
import type { BodyBytes } from './body-bytes.ts';
import type { Route } from './config.ts';
import type { AskedAnswer, LedgerCall } from './protocol.ts';
import { acceptEncodingOf, takesGzip } from './request/accept-encoding.ts';
import { partiesOf } from './request/address.ts';
import { isHeldWhileRead, type RequestBodies } from './request/body.ts';
import { type Along, callOf } from './request/call.ts';
import { sha256 } from './request/digest.ts';
import { identityOf } from './request/identity.ts';
import { readKeyedRequest, type UnreadRequest } from './request/keyed.ts';
import { asyncAfterSeconds } from './request/prefer.ts';
import { presenceOf } from './request/presence.ts';
import { isRepeatable } from './request/repeatability.ts';
import { acceptedResponse } from './response/accepted.ts';
import { cacheStatus } from './response/cache-status.ts';
import { isNegotiatedGzip, withoutGzip } from './response/coding.ts';
import { type Problem, type ProblemSlug, problemResponse } from './response/problem.ts';
import { problemOf, requestProblem } from './response/refusal.ts';
import { type RespondingAnswer, responseFrom } from './response/replay.ts';

/** What keyed requests of one Worker share. */
export interface Gate extends LedgerAccess {
  readonly leases: Leases;
  readonly bodies: RequestBodies;
  readonly rateLimiter: RateLimit | null;
}

/** A route, and what the ledger is told of it. */
export interface KeyedRoute {
  readonly route: Route;
  /** As {@link LedgerCall} has it. */
  readonly policy: string;
}

/** A request of a route that may be keyed, and what goes along with it. */
export interface Keyable extends UnreadRequest {
  readonly along: Along;
  /** What stands before the path of the address where its result is fetched; the empty string, or a path. */
  readonly resultsBase: string;
  /** Keeps the Worker's invocation alive for a promise. */
  readonly waitUntil: (promise: Promise<unknown>) => void;
}

/** The answer to a keyed request, and what the operator learns of it. */
export interface Handled {
  readonly response: Response;
  readonly outcome: string;
  /** The ledger object that was asked; `null` where the request was refused before. */
  readonly shard: number | null;
  /** By which an operator who knows the key finds the log line; `null` where none was read. */
  readonly keyHash: string | null;
  /** The execution that it belongs to; `null` as above. */
  readonly id: string | null;
}

/**
 * The route can do without a key, and there is none, not even in the body, which has been read to know that.
 */
export interface Unkeyed {
  readonly unkeyed: BodyBytes;
}

/** What was asked of the ledger. */
type Asked = Pick<Handled, 'shard' | 'keyHash' | 'id'>;

/** What is said of a request that was refused before the ledger was asked. */
export const NOT_ASKED: Asked = { shard: null, keyHash: null, id: null };

/** A request for this target is answered with a problem. */
export function refused(target: URL, problem: Problem, asked: Asked): Handled {
  const status = cacheStatus({ kind: 'refused', reason: problem.slug });
  const response = problemResponse(target, { cacheStatus: status, ...problem });
  return { response, outcome: problem.slug, ...asked };
}

/** Answers a keyed request. Rejects only where the gateway itself has a defect. */
export function answerKeyed(
  keyable: Keyable,
  keyedRoute: KeyedRoute,
  gate: Gate,
): Promise<Handled | Unkeyed> {
  const handling = handle(keyable, keyedRoute, gate);
  return isRepeatable(keyable.sent) ? sayWhetherAccepted(handling) : handling;
}

async function sayWhetherAccepted(handling: Promise<Handled | Unkeyed>): Promise<Handled | Unkeyed> {
  const handled = await handling;
  if ('response' in handled) {
    handled.response.headers.set('repeatability-result', repeatabilityResult(handled.outcome));
  }
  return handled;
}

/**
 * Repeatable Requests 1.0 (OASIS): whether the request ran, or runs, once and no more; or nothing was done
 * for it.
 */
function repeatabilityResult(outcome: string): 'accepted' | 'rejected' {
  return ACCEPTED.has(outcome) ? 'accepted' : 'rejected';
}

const ACCEPTED: ReadonlySet<string> = new Set<ProblemSlug | AskedAnswer['outcome']>([
  ...(['executed', 'joined', 'replayed', 'accepted'] as const),
  ...(['in-progress', 'upstream-unreachable', 'upstream-timeout'] as const),
]);

async function handle(
  keyable: Keyable,
  { route, policy }: KeyedRoute,
  gate: Gate,
): Promise<Handled | Unkeyed> {
  const { request, target, waitUntil } = keyable;
  const refuse = (problem: Problem, asked: Asked = NOT_ASKED) => refused(target, problem, asked);

  const reading = readKeyedRequest(keyable, route, gate.rateLimiter, gate.bodies);
  // A client that leaves would end it without a word, and what it holds would be held on to.
  if (isHeldWhileRead(request)) waitUntil(reading);
  const read = await reading;
  if (read.kind === 'refused') {
    const { keyFrom } = route;
    return refuse(requestProblem(read.refusal, read.key, { keyFrom, method: request.method }));
  }
  if (read.kind === 'unkeyed') return { unkeyed: read.body };
  if (read.kind === 'broken-off') {
    return { response: new Response(null, { status: 400 }), outcome: 'request-broken-off', ...NOT_ASKED };
  }
  const { key, caller, body, fingerprint } = read.request;

  const leased = gate.leases.replay(route.path, fingerprint, ({ id, shard }, lease, replays) =>
    reachLedger(gate, route, shard).countReplays(id, lease, replays),
  );
  if (leased !== null) {
    body.release();
    const { answer, asked, counted } = leased;
    if (counted !== null) waitUntil(counted);
    const response = await responseTo(keyable, asked.id, route, answer, caller.anonymous);
    return { response, outcome: answer.outcome, ...asked };
  }

  const [identity, parties, keyHash] = await Promise.all([
    identityOf(route.path, caller.scope, key),
    partiesOf(request.headers, route.path, caller),
    sha256(key),
  ]);
  const { id } = identity;
  const shard = shardOf(id, route.shards);
  const asked = { id, shard, keyHash };
  const askedAt = Date.now();
  // Who does not know his key could not come back with it.
  const isKeySent = read.request.keyToSend.place !== null;
  const call = callOf(read.request, {
    ...keyable,
    route,
    policy,
    identity,
    parties,
    keyHash,
    respondAfterMs: isKeySent ? respondAfterMsOf(request, route) : null,
    presence: route.cancelAfterSeconds === null ? null : presenceOf(),
  });
  const asking = askLedger(gate, route, shard, call);
  // What went along with the call is copied by now. The upstream may take its time.
  if (call.body instanceof Uint8Array) body.release();
  const answer = await asking;
  gate.leases.keep(route.path, fingerprint, asked, answer, askedAt);
  switch (answer.outcome) {
    case 'executed':
    case 'joined':
    case 'replayed': {
      const response = await responseTo(keyable, id, route, answer, caller.anonymous);
      return { response, outcome: answer.outcome, ...asked };
    }
    case 'accepted': {
      const response = acceptedResponse(target, keyable.resultsBase);
      return { response, outcome: answer.outcome, ...asked };
    }
    default:
      return refuse(problemOf(answer, key), asked);
  }
}

/**
 * The response to this client, of the execution `id`, in a coding that it takes. `target` is what it is of,
 * `from` where else it is fetched.
 */
export async function responseTo(
  {
    request,
    target,
    labels,
    from = target,
  }: Pick<Keyable, 'request' | 'target' | 'labels'> & {
    readonly from?: URL;
  },
  id: string,
  route: Route,
  answer: RespondingAnswer,
  anonymous: boolean,
): Promise<Response> {
  const other = isNegotiatedGzip(answer.head) && !takesGzip(acceptEncodingOf(request));
  const coded = other ? await withoutGzip(answer, { id, ...labels }) : answer;
  return responseFrom(coded, anonymous, { target, route, from }, id, labels);
}

/**
 * How long a caller waits for the head who prefers to come back for the result; `null`: as long as it takes.
 */
function respondAfterMsOf({ headers }: Request, { respondAsync }: Route): number | null {
  const seconds = respondAsync ? asyncAfterSeconds(headers.get('prefer')) : null;
  return seconds === null ? null : seconds * 1000;
}
