/** @module In which words a request is refused. Runs in: the Worker. */

import { type KeyFrom, placeInWords, placesInWords } from '../key-from.ts';
import { HANDLER_NOT_REACHED } from '../own-invocation.ts';
import type { AskedAnswer, NoResponseReason, Refusal } from '../protocol.ts';
import type { RequestRefusal } from '../request/keyed.ts';
import { cacheStatus } from './cache-status.ts';
import type { Problem, ProblemSlug } from './problem.ts';
import type { RespondingAnswer } from './replay.ts';

const RATE_RETRY_AFTER_SECONDS = 10;
const UNAVAILABLE_RETRY_AFTER_SECONDS = 2;
/** Room comes with the sweep. */
const FULL_RETRY_AFTER_SECONDS = 30;
const BUSY_RETRY_AFTER_SECONDS = 2;

/**
 * What a keyed request is told that gets no response from the upstream, neither a new one nor a recorded one.
 */
export function problemOf(
  answer: Exclude<AskedAnswer, RespondingAnswer | { outcome: 'accepted' }>,
  key: string,
): Problem {
  switch (answer.outcome) {
    case 'refused':
      return refusalProblem(answer.reason, key);
    case 'no-response':
      return {
        ...noResponseProblem(answer.reason),
        key,
        cacheStatus: cacheStatus({ kind: answer.joined ? 'joined' : 'executed', recording: 'unknown' }),
      };
    case 'interrupted':
      return {
        slug: 'upstream-unreachable',
        detail:
          'The ledger’s answer was lost. Whether the request was sent, and whether the upstream acted on it, is not known. Retry with the same key.',
        key,
        cacheStatus: cacheStatus({ kind: 'executed', recording: 'unknown' }),
      };
    case 'misconfigured':
      return { slug: 'config-invalid', detail: answer.detail, key };
    case 'unavailable':
      return unavailable(
        key,
        'Whether this request has run cannot be found out right now, so nothing was sent upstream. Retry with the same key.',
      );
    case 'unreadable':
      return unavailable(
        key,
        'This request has run, and its recorded response cannot be read right now. Nothing was sent upstream. Retry with the same key.',
      );
  }
}

function unavailable(key: string, detail: string): Problem {
  return {
    slug: 'ledger-unavailable',
    detail,
    key,
    retryAfterSeconds: UNAVAILABLE_RETRY_AFTER_SECONDS,
  };
}

/** What a client is told when the upstream gave no response. */
export function noResponseProblem(reason: NoResponseReason): Problem {
  if (reason === 'handler-not-reached') return { slug: 'config-invalid', detail: HANDLER_NOT_REACHED };
  const detail =
    reason === 'upstream-timeout'
      ? 'The upstream sent no response within the time that this route allows it. Whether it acted on the request is not known.'
      : 'The upstream could not be reached, or the connection broke before its response began. Whether it acted on the request is not known.';
  return { slug: reason, detail };
}

/** What a client is told whose request does not come to the ledger. Nothing was sent upstream. */
export function requestProblem(
  refusal: RequestRefusal,
  key: string | undefined,
  { keyFrom, method }: { readonly keyFrom: KeyFrom; readonly method: string },
): Problem {
  switch (refusal.reason) {
    case 'key-missing':
      return {
        slug: 'key-missing',
        detail: `A ${method} needs an idempotency key here. Send one in ${placesInWords(keyFrom)}, such as a random UUID, and the same one with each retry.`,
      };
    case 'key-invalid':
      return {
        slug: 'key-invalid',
        detail: `The value of ${placeInWords(refusal.place)} is not an idempotency key. ${refusal.why}`,
      };
    case 'caller-unreadable':
      return {
        slug: 'key-invalid',
        detail:
          'A credential holds bytes that are not UTF-8, so that its caller cannot be told from another.',
        key,
      };
    case 'over-rate':
      return {
        slug: 'caller-limit',
        detail: 'This caller sends requests faster than the gateway lets one caller.',
        key,
        retryAfterSeconds: RATE_RETRY_AFTER_SECONDS,
      };
    case 'body-too-large':
      return {
        slug: 'body-too-large',
        detail: `The request body is larger than ${refusal.maxBytes} bytes.`,
        key,
      };
    case 'body-silent':
      return {
        slug: 'request-timeout',
        detail:
          'The request’s body brought nothing for too long. Nothing was sent upstream. Send the whole request again, with the same key.',
        key,
      };
    case 'no-room': {
      const { slug, detail, retryAfterSeconds } = REFUSALS['no-room'];
      return { slug, detail, key, retryAfterSeconds };
    }
  }
}

function refusalProblem(reason: Refusal, key: string): Problem {
  const { slug, detail, retryAfterSeconds }: RefusalText = REFUSALS[reason];
  return {
    slug,
    detail,
    key,
    retryAfterSeconds,
    cacheStatus: cacheStatus({ kind: 'refused', reason: slug }),
  };
}

interface RefusalText {
  readonly slug: ProblemSlug;
  readonly detail: string;
  readonly retryAfterSeconds?: number;
}

const REFUSALS = {
  'key-reused': {
    slug: 'key-reused',
    detail:
      'This idempotency key was used for another request. Take a new key for a new request, or send exactly the first request again.',
  },
  'other-credentials': {
    slug: 'key-reused',
    detail:
      'This idempotency key was used for this request with other credentials: a cookie or another field that says who you are differs. Nobody gets what was answered to somebody else. Take a new key, or send the first request again as it was.',
  },
  'in-progress': {
    slug: 'in-progress',
    detail: 'The first request with this idempotency key is still running. Retry with the same key.',
    retryAfterSeconds: 1,
  },
  'outcome-unknown': {
    slug: 'outcome-unknown',
    detail:
      'The first request with this idempotency key was sent, and its outcome is not known. Find out at the upstream whether it took place before you send it with a new key.',
  },
  'not-recorded': {
    slug: 'not-recorded',
    detail:
      'The first request with this idempotency key was executed, but its response could not be recorded, so it cannot be replayed.',
  },
  'record-damaged': {
    slug: 'record-damaged',
    detail:
      'The first request with this idempotency key was executed, but its recorded response is damaged and cannot be replayed. Find out at the upstream what came of it before you send it with a new key.',
  },
  'too-many-running': {
    slug: 'caller-limit',
    detail: 'This caller has as many requests running as the gateway lets one caller have.',
    retryAfterSeconds: 1,
  },
  'too-much-stored': {
    slug: 'caller-limit',
    detail:
      'This caller has as many results stored as the gateway keeps for one caller. They go at the end of their TTL.',
    retryAfterSeconds: 60,
  },
  'too-much-held': {
    slug: 'caller-limit',
    detail: 'What this caller has running, or is reading, takes more than its share of the gateway’s memory.',
    retryAfterSeconds: BUSY_RETRY_AFTER_SECONDS,
  },
  'no-room': {
    slug: 'gateway-busy',
    detail:
      'The gateway has no memory left for this request. Nothing was sent upstream. Retry with the same key.',
    retryAfterSeconds: BUSY_RETRY_AFTER_SECONDS,
  },
  'ledger-full': {
    slug: 'ledger-unavailable',
    detail:
      'The part of the ledger that this key belongs to has no room for another request now. Nothing was sent upstream. Retry with the same key.',
    retryAfterSeconds: FULL_RETRY_AFTER_SECONDS,
  },
} as const satisfies Record<Refusal, RefusalText>;
