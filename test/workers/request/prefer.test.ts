import { expect, test } from 'vitest';
import { asyncAfterSeconds, preferredWaitSeconds, withoutAsync } from '../../../src/request/prefer.ts';

const NO_LIMIT = Number.POSITIVE_INFINITY;

test.each([
  ['wait=10', 10],
  ['respond-async, wait=10', 10],
  ['respond-async,wait=10', 10],
  ['Wait = "5"', 5],
  ['Wait=5', 5],
  ['wait = 5', 5],
  ['wait\t=\t5', 5],
  ['wait=0', 0],
  ['wait=007', 7],
  ['wait=5; foo="a, wait=9"', 5],
  ['wait=5; foo; bar = baz;', 5],
  [',, wait=5 ,', 5],
  ['wait="\\5"', 5],
  ['foo="\\", wait=9", wait=5', 5],
])('%j asks to wait %d s at most', (prefer, seconds) => {
  expect(preferredWaitSeconds(prefer)).toBe(seconds);
});

test.each([
  ['wait=10, wait=5', 10],
  ['Wait=10, wait=5', 10],
  ['wait=soon, wait=5', NO_LIMIT],
  ['wait, wait=5', NO_LIMIT],
])('of two preferences of one name the first counts: %j', (prefer, seconds) => {
  expect(preferredWaitSeconds(prefer)).toBe(seconds);
});

test.each([
  'foo="a, wait=5"',
  'foo="a\\", wait=5"',
  'foo=bar; baz="wait=5, wait=6"',
  'handling=lenient; wait=3',
  'await=3',
  'wait=-1',
  'wait=1.5',
  'wait=soon',
  'wait=',
  'wait=""',
  'wait',
  'return=minimal',
  '',
])('%j asks for no wait', (prefer) => {
  expect(preferredWaitSeconds(prefer)).toBe(NO_LIMIT);
});

test.each([
  'wait=5 foo',
  'wait=5, foo="never closed',
  'wait=5, =',
  'wait=5, foo=',
  'wait=5, foo=,',
  'wait=5; foo=;',
  'wait=5, ;',
  'wait=5, é',
  'wait=5, foo="bar"baz',
  'wait==5',
  '"wait"=5',
])('%j is not well-formed, and asks for nothing', (prefer) => {
  expect(preferredWaitSeconds(prefer)).toBe(NO_LIMIT);
});

test('without the field there is no limit', () => {
  expect(preferredWaitSeconds(null)).toBe(NO_LIMIT);
});

test.each([
  '; '.repeat(50_000),
  `a${' '.repeat(100_000)}`,
  `"${'\\'.repeat(100_000)}`,
  'a="",'.repeat(20_000),
])('a long field takes time in proportion to its length: %.8j', (prefer) => {
  const startedAt = performance.now();
  preferredWaitSeconds(prefer);
  expect(performance.now() - startedAt).toBeLessThan(2_000);
});

test.each([
  ['respond-async', 0],
  ['Respond-Async', 0],
  ['respond-async, wait=10', 10],
  ['wait=10, respond-async; x=y', 10],
  ['respond-async, wait=soon', 0],
  ['wait=10', null],
  ['x="respond-async"', null],
  ['respond-async,,=', null],
  [null, null],
])('%j asks to come back for the result after %j s', (prefer, seconds) => {
  expect(asyncAfterSeconds(prefer)).toBe(seconds);
});

test.each([
  ['respond-async', null],
  ['respond-async, wait=10', null],
  ['return=minimal, Respond-Async;x="a, b",wait = 5', 'return=minimal'],
  ['handling=lenient; wait=3, x="respond-async"', 'handling=lenient; wait=3, x="respond-async"'],
  ['respond-asynchronous, waits=1', 'respond-asynchronous, waits=1'],
])('what is left of %j for the upstream is %j', (prefer, left) => {
  expect(withoutAsync(prefer)).toBe(left);
});
