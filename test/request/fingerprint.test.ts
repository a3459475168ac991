import { expect, test } from 'vitest';
import { type FingerprintInput, fingerprintOf } from '../../src/request/fingerprint.ts';

const encoder = new TextEncoder();

function fingerprint(
  input: Partial<Omit<FingerprintInput, 'body'>> & { body?: string },
  mode: 'bytes' | 'json' = 'bytes',
): Promise<string> {
  return fingerprintOf(
    {
      scope: '[]',
      sentKey: 'key',
      method: 'POST',
      path: '/orders',
      query: '',
      contentType: 'application/json',
      ...input,
      body: encoder.encode(input.body ?? '{}'),
    },
    mode,
  );
}

test.each([
  ['method', { method: 'PATCH' }],
  ['path', { path: '/orders/1' }],
  ['query', { query: '?a=1' }],
  ['media type', { contentType: 'text/plain' }],
  ['media type, by absence', { contentType: null }],
  ['a parameter of the media type', { contentType: 'application/json; charset=latin1' }],
  ['body', { body: '{"a":1}' }],
])('requests that differ in %s have different fingerprints', async (_, difference) => {
  expect(await fingerprint(difference)).not.toBe(await fingerprint({}));
});

test('where a field ends and the next begins cannot be shifted', async () => {
  expect(await fingerprint({ path: '/a', query: '?b' })).not.toBe(
    await fingerprint({ path: '/a?b', query: '' }),
  );
  expect(await fingerprint({ contentType: 'text/plain', body: '\nx' })).not.toBe(
    await fingerprint({ contentType: 'text/plain\n', body: 'x' }),
  );
});

test('the spelling of a media type makes no difference', async () => {
  expect(await fingerprint({ contentType: 'Application/JSON;b="2"; a=1' })).toBe(
    await fingerprint({ contentType: 'application/json;a=1;b=2' }),
  );
});

test('a large body has the fingerprint of its bytes too', async () => {
  const large = 'x'.repeat(200_000);
  expect(await fingerprint({ body: large })).toBe(await fingerprint({ body: large }));
  expect(await fingerprint({ body: large })).not.toBe(await fingerprint({ body: `${large}x` }));
});

function form(boundary: string, ...parts: string[]): { contentType: string; body: string } {
  const body = parts.map(
    (part) => `--${boundary}\r\nContent-Disposition: form-data; name="a"\r\n\r\n${part}\r\n`,
  );
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    body: `${body.join('')}--${boundary}--\r\n`,
  };
}

test('the boundary of a multipart body is not part of it', async () => {
  expect(await fingerprint(form('one', 'value'))).toBe(await fingerprint(form('other-boundary', 'value')));
});

test.each([
  ['another value', form('b', 'other')],
  ['the value in two parts', form('b', 'val', 'ue')],
  ['another type of form', { ...form('b', 'value'), contentType: 'multipart/mixed; boundary=b' }],
  ['the boundary inside a line', form('b', 'value --b')],
  [
    'a boundary that the body does not have',
    { ...form('b', 'value'), contentType: 'multipart/form-data; boundary=x' },
  ],
])('a multipart body with %s is another one', async (_, other) => {
  expect(await fingerprint(other)).not.toBe(await fingerprint(form('a', 'value')));
});

test.each([
  ['the order of keys', '{"a":1,"b":2}', '{"b":2,"a":1}'],
  ['white space', '{"a":[1,2]}', ' { "a" : [ 1 , 2 ] }\n'],
  ['the spelling of a number', '{"a":1}', '{"a":1.0}'],
  ['the spelling of a string', '{"a":"é"}', '{"a":"\\u00e9"}'],
  ['a colon in a string', '{"a:":":","b":1}', '{"b":1,"a:":":"}'],
])('with `json`, %s makes no difference', async (_, one, other) => {
  expect(await fingerprint({ body: one }, 'json')).toBe(await fingerprint({ body: other }, 'json'));
  expect(await fingerprint({ body: one })).not.toBe(await fingerprint({ body: other }));
});

test.each([
  ['values', '{"a":1}', '{"a":2}'],
  ['the order of an array', '[1,2]', '[2,1]'],
  ['a type', '{"a":1}', '{"a":"1"}'],
  ['integers that a double cannot tell apart', '{"a":9007199254740993}', '{"a":9007199254740992}'],
  ['decimals that a double cannot tell apart', '{"a":0.1}', '{"a":0.1000000000000000055}'],
  ['numbers too large for a double', '{"a":1e400}', '{"a":1e500}'],
  ['numbers too small for a double', '{"a":1e-400}', '{"a":0}'],
  ['the first of two members of one name', '{"a":1,"a":2}', '{"a":3,"a":2}'],
  ['text that is no JSON', '{"a":1', '{ "a":1'],
])('with `json`, a difference in %s is a difference', async (_, one, other) => {
  expect(await fingerprint({ body: one }, 'json')).not.toBe(await fingerprint({ body: other }, 'json'));
});

test('with `json`, a body of another type counts byte by byte', async () => {
  const text = { contentType: 'text/plain' };
  expect(await fingerprint({ ...text, body: '{"a":1}' }, 'json')).not.toBe(
    await fingerprint({ ...text, body: '{"a": 1}' }, 'json'),
  );
  const problem = { contentType: 'application/merge-patch+json' };
  expect(await fingerprint({ ...problem, body: '{"a":1}' }, 'json')).toBe(
    await fingerprint({ ...problem, body: '{"a": 1}' }, 'json'),
  );
});

test('a body nested deeper than any stack is fingerprinted all the same', async () => {
  const deep = '['.repeat(200_000) + ']'.repeat(200_000);
  expect(await fingerprint({ body: deep }, 'json')).toHaveLength(43);
});
