import type { AskedAnswer } from '../ledger/ask.ts';
import { cacheStatus } from './cache-status.ts';
import type { Problem } from './problem.ts';
import type { RespondingAnswer } from './replay.ts';

const IN_PROGRESS_RETRY_AFTER_SECONDS = 1;
const UNAVAILABLE_RETRY_AFTER_SECONDS = 2;

/** What a keyed request is told that gets no response from the upstream, neither a new one nor a recorded one. */
export function problemOf(answer: Exclude<AskedAnswer, RespondingAnswer>, key: string): Problem {
  switch (answer.outcome) {
    case 'refused':
      return {
        slug: answer.reason,
        detail: REFUSALS[answer.reason],
        key,
        cacheStatus: cacheStatus({ kind: 'refused', reason: answer.reason }),
        retryAfterSeconds: answer.reason === 'in-progress' ? IN_PROGRESS_RETRY_AFTER_SECONDS : undefined,
      };
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
          'The ledger was restarted while the request was running. Whether the upstream acted on it is not known. Retry with the same key.',
        key,
        cacheStatus: cacheStatus({ kind: 'executed', recording: 'unknown' }),
      };
    case 'unavailable':
      return {
        slug: 'ledger-unavailable',
        detail:
          'Whether this request has run cannot be found out right now, so nothing was sent upstream. Retry with the same key.',
        key,
        cacheStatus: cacheStatus({ kind: 'refused', reason: 'ledger-unavailable' }),
        retryAfterSeconds: UNAVAILABLE_RETRY_AFTER_SECONDS,
      };
  }
}

/** What a client is told when the upstream gave no response. */
export function noResponseProblem(reason: 'upstream-unreachable' | 'upstream-timeout'): Problem {
  const detail =
    reason === 'upstream-timeout'
      ? 'The upstream sent no response within the time that this route allows it. Whether it acted on the request is not known.'
      : 'The upstream could not be reached, or the connection broke before its response began. Whether it acted on the request is not known.';
  return { slug: reason, detail };
}

const REFUSALS = {
  'key-reused':
    'This idempotency key was used for another request. Take a new key for a new request, or send exactly the first request again.',
  'in-progress': 'The first request with this idempotency key is still running. Retry with the same key.',
  'outcome-unknown':
    'The first request with this idempotency key was sent, and its outcome is not known. Find out at the upstream whether it took place before you send it with a new key.',
  'not-recorded':
    'The first request with this idempotency key was executed, but its response could not be recorded, so it cannot be replayed.',
} as const;
