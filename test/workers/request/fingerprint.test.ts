import { expect, test } from 'vitest';
import { BodyBytes } from '../../../src/body-bytes.ts';
import {
  differenceOf,
  type FingerprintInput,
  fingerprintOf,
  whatIsAsked,
} from '../../../src/request/fingerprint.ts';

const encoder = new TextEncoder();

function fingerprint(
  input: Partial<Omit<FingerprintInput, 'body'>> & { body?: string },
  mode: 'bytes' | 'json' | 'none' = 'bytes',
): Promise<string> {
  return fingerprintOf(
    {
      scope: '[]',
      sentKey: 'key',
      bound: null,
      host: null,
      method: 'POST',
      path: '/orders',
      query: '',
      contentType: 'application/json',
      asked: '',
      ...input,
      body: BodyBytes.of(encoder.encode(input.body ?? '{}')),
    },
    mode,
  );
}

test.each([
  ['method', { method: 'PATCH' }],
  ['path', { path: '/orders/1' }],
  ['query', { query: '?a=1' }],
  ['host, where that matters', { host: 'b.example' }],
  ['bound credentials', { bound: 'session=a' }],
  ['what their fields ask', { asked: whatIsAsked(new Headers({ 'upload-offset': '0' })) }],
  ['media type', { contentType: 'text/plain' }],
  ['media type, by absence', { contentType: null }],
  ['a parameter of the media type', { contentType: 'application/json; charset=latin1' }],
  ['body', { body: '{"a":1}' }],
])('requests that differ in %s have different fingerprints', async (_, difference) => {
  expect(await fingerprint(difference)).not.toBe(await fingerprint({}));
});

test('other bound credentials are told from another request', async () => {
  const [none, one, other] = await Promise.all(
    [null, 'session=a', 'session=b'].map((bound) => fingerprint({ bound })),
  );
  const another = await fingerprint({ bound: 'session=a', body: '{"a":1}' });
  expect(differenceOf(`${one}`, `${other}`)).toBe('other-credentials');
  expect(differenceOf(`${one}`, `${none}`)).toBe('other-credentials');
  expect(differenceOf(`${none}`, `${one}`)).toBe('other-credentials');
  expect(differenceOf(`${one}`, another)).toBe('key-reused');
  expect(differenceOf(`${none}`, await fingerprint({ body: '{"a":1}' }))).toBe('key-reused');
});

test.each([
  ['method', { method: 'PATCH' }],
  ['path', { path: '/orders/1' }],
  ['query', { query: '?a=1' }],
  ['what their fields ask', { asked: whatIsAsked(new Headers({ 'upload-offset': '0' })) }],
  ['media type', { contentType: 'text/plain' }],
  ['body', { body: '{"pending_webhooks":1}' }],
])('with `none`, requests of one key are alike whatever their %s', async (_, difference) => {
  expect(await fingerprint(difference, 'none')).toBe(await fingerprint({}, 'none'));
});

test('with `none`, credentials still bind, and keys and callers are told apart', async () => {
  const one = await fingerprint({ bound: 'session=a' }, 'none');
  const other = await fingerprint({ bound: 'session=b', body: '[]' }, 'none');
  expect(one).not.toBe(other);
  expect(differenceOf(one, other)).toBe('other-credentials');
  expect(await fingerprint({ sentKey: 'b' }, 'none')).not.toBe(await fingerprint({}, 'none'));
  expect(await fingerprint({ scope: '["b"]' }, 'none')).not.toBe(await fingerprint({}, 'none'));
});

test('that JSON is UTF-8 needs not be said', async () => {
  expect(await fingerprint({ contentType: 'application/json; charset=utf-8' })).toBe(await fingerprint({}));
  expect(await fingerprint({ contentType: 'application/json; Charset="UTF-8"' })).toBe(await fingerprint({}));
  const text = await fingerprint({ contentType: 'text/plain; charset=utf-8' });
  expect(text).not.toBe(await fingerprint({ contentType: 'text/plain' }));
});

test.each([
  ['a second boundary', 'multipart/form-data; boundary=a; boundary=b'],
  ['a second charset', 'text/plain; charset=a; charset=b'],
  ['a parameter without a value', 'multipart/form-data; boundary=a; x'],
  ['an empty parameter', 'multipart/form-data; boundary=a;'],
  ['a value in half a quote', 'multipart/form-data; boundary="a'],
  ['a space before the equals sign', 'multipart/form-data; boundary =a'],
  ['no subtype', 'multipart; boundary=a'],
])('a media type with %s counts as it was sent, and so does its body', async (_, contentType) => {
  const { body } = form('a', 'value');
  const mended = 'multipart/form-data; boundary=a';
  expect(await fingerprint({ contentType, body })).not.toBe(await fingerprint({ contentType: mended, body }));
  expect(await fingerprint({ contentType: `${contentType} `, body })).not.toBe(
    await fingerprint({ contentType, body }),
  );
  const renamed = { contentType: contentType.replace(/=("?)a/, '=$1z'), body: form('z', 'value').body };
  expect(await fingerprint(renamed)).not.toBe(await fingerprint({ contentType, body }));
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

const { body: WELL_FORMED } = form('b', 'value');

test.each([
  ['text before its first delimiter', `x\r\n${WELL_FORMED}`],
  ['a line before its first delimiter', `\r\n${WELL_FORMED}`],
  ['text after its last delimiter', `${WELL_FORMED}x`],
  ['no last delimiter', WELL_FORMED.replace('--b--\r\n', '')],
  ['spaces after a delimiter', WELL_FORMED.replace('--b\r\n', '--b \r\n')],
  ['a delimiter that goes on', WELL_FORMED.replace('value', 'value\r\n--bb\r\nmore')],
  ['the boundary after a bare LF', WELL_FORMED.replace('value', 'value\n--b\nmore')],
  ['the boundary after a bare CR', WELL_FORMED.replace('value', 'value\r--b\rmore')],
  ['the boundary within a line', WELL_FORMED.replace('value', 'value--b')],
  ['no part at all', '--b--\r\n'],
])('a multipart body with %s counts byte by byte', async (_, body) => {
  const contentType = 'multipart/form-data; boundary=b';
  const renamed = { contentType: contentType.replace('=b', '=z'), body: body.replaceAll('--b', '--z') };
  expect(await fingerprint({ contentType, body })).not.toBe(await fingerprint(renamed));
});

test('a body whose part holds the delimiter of another boundary is not the one with that boundary', async () => {
  const inner = 'one\n--two\nContent-Disposition: form-data; name="b"\n\nanother\n--two--';
  const one = form('one', inner);
  expect(await fingerprint(one)).not.toBe(
    await fingerprint({ contentType: 'multipart/form-data; boundary=two', body: form('two', inner).body }),
  );
});

test('a boundary longer than RFC 2046 allows is none, and costs nothing', async () => {
  const [one, other] = ['a', 'b'].map((letter) => form(letter.repeat(71), 'value'));
  expect(await fingerprint(one ?? {})).not.toBe(await fingerprint(other ?? {}));
  expect(await fingerprint(form('a'.repeat(70), 'value'))).toBe(await fingerprint(form('a', 'value')));
});

test('more delimiters than a stack or a form has are fingerprinted all the same', async () => {
  const body = `${'--b\r\n\r\n\r\n'.repeat(200_000)}--b--`;
  expect(await fingerprint({ contentType: 'multipart/form-data; boundary=b', body })).toHaveLength(43);
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
  [
    'where the members of an order with an inexact number stand',
    '{"a":9007199254740993,"b":1}',
    '{"b":1,"a": 9007199254740993}',
  ],
  ['where those of a text after a byte order mark stand', '\ufeff{"a":1,"b":2}', '\ufeff{"b":2,"a":1}'],
  ['how a lone surrogate is written', '{"a":"\\ud800","b":1}', '{"b":1,"a":"\\uD800"}'],
  ['the spelling of a name', '{"\\u0061":1,"b":2}', '{"b":2,"a":1}'],
  ['an escaped quote', '{"a\\"":"\\\\","b":1}', '{"b":1,"a\\u0022":"\\u005c"}'],
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
  ['text after the JSON', '{"a":1}x', '{ "a":1}x'],
  ['a leading zero', '{"a":01}', '{"a": 01}'],
  ['a control character in a string', '["a\tb"]', '[ "a\tb"]'],
  ['a comma too many', '[1,]', '[1, ]'],
  ['a byte order mark', '\ufeff{"a":1}', '{"a":1}'],
  ['lone surrogates', '["\\ud800"]', '["\\ud801"]'],
  ['the second of two members of one name', '{"a":1,"a":2}', '{"a":2,"a":1}'],
  ['names that only their escapes tell apart from others', '{"a":1,"\\u0041":2}', '{"a":2,"\\u0041":1}'],
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

test('with `json`, a text of more than 1 MiB counts byte by byte', async () => {
  const [small, large] = [1, 4].map((size) => `[${'0,'.repeat(size * 256 * 1024)}0]`);
  const spaced = (text: string | undefined) => `${text} `;
  expect(await fingerprint({ body: `${small}` }, 'json')).toBe(
    await fingerprint({ body: spaced(small) }, 'json'),
  );
  expect(await fingerprint({ body: `${large}` }, 'json')).not.toBe(
    await fingerprint({ body: spaced(large) }, 'json'),
  );
});

test('a body nested deeper than any stack is fingerprinted all the same', async () => {
  const deep = '['.repeat(200_000) + ']'.repeat(200_000);
  expect(await fingerprint({ body: deep }, 'json')).toHaveLength(43);
});

test('JSON in another charset than UTF-8 counts byte by byte, as its readers read other characters', async () => {
  const contentType = 'application/json; charset=iso-8859-1';
  const [escaped, raw] = await Promise.all(
    ['{"a":"\\u00e9"}', '{"a":"é"}'].map((body) => fingerprint({ contentType, body }, 'json')),
  );
  expect(escaped).not.toBe(raw);
});

test.each([
  ['Upload-Offset', '0', '2'],
  ['Content-Range', 'bytes 0-1/4', 'bytes 2-3/4'],
  ['X-HTTP-Method-Override', 'PATCH', 'DELETE'],
  ['X-Amz-Target', 'DynamoDB.DescribeTable', 'DynamoDB.DeleteTable'],
  ['SOAPAction', '"read"', '"delete"'],
  ['Content-Encoding', 'gzip', 'deflate'],
  ['If-Match', '"1"', '"2"'],
])('%s says what is asked', (name, one, other) => {
  expect(whatIsAsked(new Headers({ [name]: one }))).not.toBe(whatIsAsked(new Headers({ [name]: other })));
  expect(whatIsAsked(new Headers({ [name]: one }))).not.toBe(whatIsAsked(new Headers()));
});
