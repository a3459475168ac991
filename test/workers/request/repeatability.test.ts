import { expect, test } from 'vitest';
import { isRepeatable, whyNotRepeatable } from '../../../src/request/repeatability.ts';

const NOW = Date.UTC(2026, 10, 25, 12);
const TTL_SECONDS = 3_600;

test.each([
  ['not said', null, null],
  ['now', 'Wed, 25 Nov 2026 12:00:00 GMT', null],
  ['just within the TTL', 'Wed, 25 Nov 2026 11:00:00 GMT', null],
  ['by a clock that is ahead', 'Wed, 25 Nov 2026 12:10:00 GMT', null],
  ['before the TTL', 'Wed, 25 Nov 2026 10:59:59 GMT', 'longer ago than results are kept (3600 s)'],
  ['at no time', 'yesterday', 'no date'],
])('a request that was first sent %s', (_, firstSent, why) => {
  const headers = new Headers(firstSent === null ? {} : { 'repeatability-first-sent': firstSent });
  const said = whyNotRepeatable(headers, TTL_SECONDS, NOW);
  if (why === null) expect(said).toBeNull();
  else expect(said).toContain(why);
});

test('a key is repeatable by the field that it came in', () => {
  const key = (place: { in: 'header' | 'query'; name: string }) =>
    isRepeatable({ kind: 'key', key: 'k', field: 'k', place });
  expect(key({ in: 'header', name: 'Repeatability-Request-ID' })).toBe(true);
  expect(key({ in: 'header', name: 'Idempotency-Key' })).toBe(false);
  expect(key({ in: 'query', name: 'Repeatability-Request-ID' })).toBe(false);
  expect(isRepeatable({ kind: 'absent' })).toBe(false);
});
