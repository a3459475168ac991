import { endToEnd, type HeaderList, statusOf } from '../request/forward.ts';
import type { ResponseHead } from './call.ts';

/** The codings that the Workers runtime takes off a body that is read, spelt just so. Any other stays on. */
const DECODED_ON_READING = ['gzip', 'br'];

/** What stops being true of a body whose coding was taken off (RFC 9110 §8.4, RFC 9530). */
const TRUE_OF_THE_CODED_BODY = [
  'content-encoding',
  'content-length',
  'content-digest',
  'repr-digest',
  'digest',
  'content-md5',
];

/**
 * The head to hand on and to record: the upstream's status and end-to-end fields, as they are true of the body that is
 * read here; and the body's length in bytes, where the upstream tells it.
 */
export function responseHead(response: Response): { head: ResponseHead; length: number | null } {
  const { headers, body } = response;
  const decoded = DECODED_ON_READING.includes(headers.get('content-encoding') ?? '');
  const length = body === null || decoded ? null : declaredLength(headers.get('content-length'));
  const untrue = decoded ? TRUE_OF_THE_CODED_BODY : body === null ? [] : ['content-length'];
  const kept = endToEnd(headers).filter(([name]) => !untrue.includes(name));
  const list: HeaderList = length === null ? kept : [...kept, ['content-length', String(length)]];
  return { head: { status: statusOf(response), headers: list }, length };
}

/**
 * A length that is repeated is that length; anything else that is not one number is none (RFC 9110 §8.6), nor is a number that no
 * body has and no stream takes.
 */
function declaredLength(field: string | null): number | null {
  const [first = '', ...others] = (field ?? '').split(',').map((member) => member.trim());
  const length = /^\d+$/.test(first) && others.every((other) => other === first) ? Number(first) : null;
  return Number.isSafeInteger(length) ? length : null;
}
