import { endToEnd, statusOf } from '../request/forward.ts';
import type { ResponseHead } from './call.ts';

/** The codings that the Workers runtime takes off a body that is read. Any other coding stays on. */
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
  const headers = endToEnd(response.headers);
  if (DECODED_ON_READING.includes(headers.get('content-encoding')?.trim().toLowerCase() ?? '')) {
    for (const name of TRUE_OF_THE_CODED_BODY) headers.delete(name);
  }
  const declared = headers.get('content-length');
  const length = response.body === null || declared === null ? null : Number(declared);
  return { head: { status: statusOf(response), headers: [...headers] }, length };
}
