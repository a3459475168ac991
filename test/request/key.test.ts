import { expect, test } from 'vitest';
import { parseKey } from '../../src/request/key.ts';

test.each([
  ['abc', 'abc'],
  ['  abc  ', 'abc'],
  ['"abc"', 'abc'],
  ['"a b"', 'a b'],
  ['"a\\"b\\\\c"', 'a"b\\c'],
  ['"abc";version=1', 'abc'],
  ['a,b', 'a,b'],
  ['a"b', 'a"b'],
  ['!~', '!~'],
  ['x'.repeat(255), 'x'.repeat(255)],
  [`"${'x'.repeat(255)}"`, 'x'.repeat(255)],
])('%j is the key %j', (value, key) => {
  expect(parseKey(value)).toEqual({ kind: 'key', key });
});

test.each([
  ['', 'empty'],
  ['   ', 'empty'],
  ['""', 'empty'],
  ['x'.repeat(256), '256 characters'],
  [`"${'x'.repeat(256)}"`, '256 characters'],
  ['a, b', 'more than one value'],
  ['"a", "b"', 'structured-field String'],
  ['"abc', 'structured-field String'],
  ['"abc" def', 'structured-field String'],
  ['"é"', 'structured-field String'],
  ['a b', 'visible ASCII'],
  ['é', 'visible ASCII'],
  ['a\tb', 'visible ASCII'],
  ['a\u0000b', 'visible ASCII'],
])('%j is refused, saying why', (value, why) => {
  expect(parseKey(value)).toEqual({ kind: 'invalid', why: expect.stringContaining(why) });
});

test('no field is no key', () => {
  expect(parseKey(null)).toEqual({ kind: 'absent' });
});
