/** @module Which statuses count as a success. Runs in: the ledger object. */

import type { StatusRange } from '../../protocol.ts';

/**
 * True where the status counts as success under this policy. One that sends the request elsewhere never does.
 */
export function isRecordStatus(ranges: readonly StatusRange[], status: number, method: string): boolean {
  return (
    !sendsElsewhere(status, method) && ranges.some((range) => status >= range.from && status <= range.to)
  );
}

/**
 * Whether the client is to send the same request to another place, as nothing was done at this one (RFC 9110
 * §15.4). Clients make a GET of a POST that is answered with 301 or 302, as they do with 303: what they asked
 * for is done, and here is what comes of it. Other methods they repeat.
 */
export function sendsElsewhere(status: number, method: string): boolean {
  return status === 307 || status === 308 || ((status === 301 || status === 302) && method !== 'POST');
}
