import { expect, test } from 'vitest';
import { preferredWaitSeconds } from '../../src/request/prefer.ts';

test.each([
  ['wait=10', 10],
  ['respond-async, wait=10', 10],
  ['Wait = "5"', 5],
  ['wait=0', 0],
  ['handling=lenient; wait=3', Number.POSITIVE_INFINITY],
  ['await=3', Number.POSITIVE_INFINITY],
  ['wait=-1', Number.POSITIVE_INFINITY],
  ['wait=soon', Number.POSITIVE_INFINITY],
  ['', Number.POSITIVE_INFINITY],
  [null, Number.POSITIVE_INFINITY],
])('%j asks to wait %d s at most', (prefer, seconds) => {
  expect(preferredWaitSeconds(prefer)).toBe(seconds);
});
