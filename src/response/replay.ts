/** @module A response made of the ledger's answer. Runs in: the Worker. */

import { log, requestFields, textOf } from '../log.ts';
import type { LedgerAnswer } from '../protocol.ts';
import type { RequestLabels } from '../request/labels.ts';
import { cacheStatus } from './cache-status.ts';
import { appendHandedOut } from './handed-out.ts';
import type { Place } from './location.ts';

/** Statuses whose responses have no body; to give one to `Response` throws. */
const NULL_BODY_STATUSES = [101, 204, 205, 304];

/** The ledger's answers that hold a response. */
export type RespondingAnswer = Extract<LedgerAnswer, { outcome: 'executed' | 'joined' | 'replayed' }>;

/**
 * A response from the ledger's answer: of a first execution, of one that was joined, or of a recorded one.
 *
 * The anonymous scope is shared by everybody who sends no credential, so only the caller that ran the request
 * there gets the cookies that it set.
 *
 * @param id the execution, for the log, as are the labels of the request that is answered
 */
export function responseFrom(
  answer: RespondingAnswer,
  anonymous: boolean,
  place: Place,
  id: string,
  labels: RequestLabels,
): Response {
  const { status } = answer.head;
  // `manual`: the body carries whatever coding its head names.
  const response = new Response(bodyFor(answer, id, labels), { status, encodeBody: 'manual' });
  const { headers } = response;
  appendHandedOut(headers, answer.head.headers, place);
  if (anonymous && answer.outcome !== 'executed') headers.delete('set-cookie');
  headers.append(
    'cache-status',
    answer.outcome === 'replayed'
      ? cacheStatus({ kind: 'replayed', expiresAt: answer.expiresAt })
      : cacheStatus({ kind: answer.outcome, recording: answer.recording }),
  );
  if (answer.outcome === 'replayed') {
    headers.set('idempotent-replayed', 'true');
    // A replay is one caller's; a cache in between must not keep it unless the upstream said that it may.
    if (!headers.has('cache-control')) headers.set('cache-control', 'no-store');
  }
  return response;
}

function bodyFor(answer: RespondingAnswer, id: string, labels: RequestLabels): BodyInit | null {
  const { body } = answer;
  if (NULL_BODY_STATUSES.includes(answer.head.status)) return null;
  if (body instanceof Uint8Array) return body;
  // A recorded body is a stream that tells its length itself.
  if (answer.size === null || answer.outcome === 'replayed') return body;
  // A stream goes out with its length only through a stream that knows it.
  const { readable, writable } = new FixedLengthStream(answer.size);
  // The client sees a broken response by itself; it may also be the client that left.
  body.pipeTo(writable).catch((error) => {
    log('info', 'response-broke-off', { reason: textOf(error), ...requestFields({ id, ...labels }) });
  });
  return readable;
}
