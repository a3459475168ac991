import type { LedgerAnswer } from '../ledger/call.ts';
import { cacheStatus } from './cache-status.ts';

/** Statuses whose responses have no body; to give one to `Response` throws. */
const NULL_BODY_STATUSES = [101, 204, 205, 304];

export type RespondingAnswer = Extract<LedgerAnswer, { outcome: 'executed' | 'joined' | 'replayed' }>;

/**
 * A response from the ledger's answer: of a first execution, of one that was joined, or of a recorded one.
 *
 * The anonymous scope is shared by everybody who sends no credential, so only the caller that ran the request there gets
 * the cookies that it set.
 */
export function responseFrom(answer: RespondingAnswer, anonymous: boolean): Response {
  const headers = new Headers();
  for (const [name, value] of answer.head.headers) headers.append(name, value);
  if (anonymous && answer.outcome !== 'executed') headers.delete('set-cookie');
  headers.append(
    'cache-status',
    answer.outcome === 'replayed'
      ? cacheStatus({ kind: 'replayed', expiresAt: answer.expiresAt })
      : cacheStatus({ kind: answer.outcome, recording: answer.recording }),
  );
  if (answer.outcome === 'replayed') headers.set('idempotent-replayed', 'true');
  const { status } = answer.head;
  // `manual`: the body carries whatever coding its head names.
  return new Response(bodyFor(answer, headers), { status, headers, encodeBody: 'manual' });
}

function bodyFor({ head, body }: RespondingAnswer, headers: Headers): BodyInit | null {
  if (NULL_BODY_STATUSES.includes(head.status)) return null;
  if (body instanceof Uint8Array) return body;
  const length = headers.get('content-length');
  if (length === null) return body;
  // A stream goes out with its length only through a stream that knows it.
  const { readable, writable } = new FixedLengthStream(Number(length));
  // A break shows at both ends by itself: as a broken response to the client, as a log line of the execution.
  body.pipeTo(writable).catch(() => {});
  return readable;
}
