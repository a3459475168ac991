import fc from 'fast-check';
import { expect, test } from 'vitest';
import { keyField, parseExact, parseKey } from '../../../src/request/key.ts';

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

test.each(['', '   '])('%j is an empty field', (value) => {
  expect(parseKey(value)).toEqual({ kind: 'empty' });
});

test.each(['abc', 'a b', ' a ', '"abc"', 'a, b', '5', 'x'.repeat(255)])(
  'a place of its own holds the key %j',
  (text) => {
    expect(parseExact(text)).toEqual({ kind: 'key', key: text });
  },
);

test.each([
  ['undefined', 'made no key'],
  ['00000000-0000-0000-0000-000000000000', 'made no key'],
  ['x'.repeat(256), '256 characters'],
  ['é', 'visible ASCII'],
  ['a\nb', 'visible ASCII'],
  ['a\u0000', 'visible ASCII'],
])('a place of its own that holds %j is refused, saying why', (text, why) => {
  expect(parseExact(text)).toEqual({ kind: 'invalid', why: expect.stringContaining(why) });
});

test('a key from the body is the same key in the field that it goes on in', () => {
  const visible = fc.string({
    unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)),
    minLength: 1,
    maxLength: 255,
  });
  fc.assert(
    fc.property(visible, (key) => {
      fc.pre(parseExact(key).kind === 'key');
      expect(parseKey(keyField(key))).toEqual({ kind: 'key', key });
    }),
  );
});
