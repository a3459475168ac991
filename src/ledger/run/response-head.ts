/**
 * @module The head of an upstream's response, as it is recorded and handed on. Runs in: the ledger object.
 */

import { endToEnd, type HeaderList } from '../../headers.ts';
import type { Destination, ResponseHead } from '../../protocol.ts';
import { statusOf } from '../../response/status.ts';

/**
 * The codings that the runtime puts on the body of a service's response, spelt just so, if the service has
 * not done it itself.
 */
const CODED_BY_THE_RUNTIME = ['gzip', 'br'];

/**
 * The head to hand on and to record: the upstream's status and end-to-end fields, which are true of the body
 * as it came, its coding included; and the body's length in bytes, where the upstream tells it.
 *
 * Nothing is in no coding: who takes off one that an empty body claims to have, on the way or at its end, may
 * fail at it. And what a service says is the length may be that before the runtime coded its body, so of a
 * body in such a coding it is not taken.
 */
export function responseHead(
  response: Response,
  upstream: Destination['kind'],
): { head: ResponseHead; length: number | null } {
  const { headers, body } = response;
  const codedHere =
    upstream !== 'url' && CODED_BY_THE_RUNTIME.includes(headers.get('content-encoding') ?? '');
  const length = body === null || codedHere ? null : declaredLength(headers.get('content-length'));
  const empty = body === null || length === 0;
  const kept = endToEnd(headers).filter(
    ([name]) => (name !== 'content-length' || body === null) && (name !== 'content-encoding' || !empty),
  );
  const list: HeaderList = length === null ? kept : [...kept, ['content-length', String(length)]];
  return { head: { status: statusOf(response), headers: list }, length };
}

/**
 * A length that is repeated is that length; anything else that is not one number is none (RFC 9110 §8.6), nor
 * is a number that no body has and no stream takes.
 */
function declaredLength(field: string | null): number | null {
  const [first = '', ...others] = (field ?? '').split(',').map((member) => member.trim());
  const length = /^\d+$/.test(first) && others.every((other) => other === first) ? Number(first) : null;
  return Number.isSafeInteger(length) ? length : null;
}
