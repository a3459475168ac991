/**
 * @module Repeatable Requests 1.0 (OASIS), which Azure's SDKs speak: `Repeatability-Request-ID` is a key, and
 * `Repeatability-First-Sent` says how old it is. Runs in: the Worker.
 */

import type { SentKey } from './sent-key.ts';

const REQUEST_ID = 'repeatability-request-id';
const FIRST_SENT = 'repeatability-first-sent';

/** Whether the request's key, right or wrong, came as the ID of a repeatable request. */
export function isRepeatable(sent: SentKey): boolean {
  if (sent.kind !== 'key' && sent.kind !== 'invalid') return false;
  return sent.place.in === 'header' && sent.place.name.toLowerCase() === REQUEST_ID;
}

/**
 * Why a repeatable request must not run; `null` where it may. One that was first sent before the oldest
 * result that is still kept may have run, and nobody would know. One that does not say when it was first sent
 * is taken as any other.
 *
 * @param now in milliseconds since the epoch
 */
export function whyNotRepeatable(headers: Headers, ttlSeconds: number, now: number): string | null {
  const field = headers.get(FIRST_SENT);
  if (field === null) return null;
  const firstSent = Date.parse(field);
  if (Number.isNaN(firstSent)) return 'Its Repeatability-First-Sent is no date.';
  return firstSent + ttlSeconds * 1_000 < now
    ? `Its Repeatability-First-Sent is longer ago than results are kept (${ttlSeconds} s), so whether the request has run is not known.`
    : null;
}
