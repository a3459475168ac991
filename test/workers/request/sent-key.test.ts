import { expect, test } from 'vitest';
import { BodyBytes } from '../../../src/body-bytes.ts';
import type { KeyFrom } from '../../../src/key-from.ts';
import { readKeyedBody } from '../../../src/request/keyed-body.ts';
import { type SentKey, sentKey } from '../../../src/request/sent-key.ts';

const HEADER = { in: 'header', name: 'Idempotency-Key' } as const;
const OTHER = { in: 'header', name: 'X-Key' } as const;
const QUERY = { in: 'query', name: 'clientToken' } as const;
const BODY = { in: 'json', pointer: ['requestId'], text: '/requestId' } as const;
const DEEP = { in: 'json', pointer: ['event', 'id'], text: '/event/id' } as const;

interface Sent {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly query?: string;
  /** `null`: not here yet. */
  readonly body?: string | null;
  readonly key?: 'required' | 'optional' | 'derived';
}

function find(
  keyFrom: KeyFrom,
  { method = 'POST', headers = {}, query = '', body = '', key = 'required' }: Sent,
): SentKey {
  const request = { method, headers: new Headers(headers) };
  const bytes = BodyBytes.of(new TextEncoder().encode(body ?? ''));
  const read = readKeyedBody(bytes, null, { keyFrom, fingerprint: 'bytes' });
  const inBody = body === null ? null : read.found;
  return sentKey(request, new URL(`https://gate.example/orders${query}`), { key, keyFrom }, inBody);
}

test.each<[string, KeyFrom, Sent, string, string]>([
  ['a header', [HEADER], { headers: { 'idempotency-key': '"a b"' } }, 'a b', '"a b"'],
  ['the query', [QUERY], { query: '?x=1&clientToken=a%20b' }, 'a b', '"a b"'],
  ['the query, by a coded name', [QUERY], { query: '?client%54oken=abc' }, 'abc', 'abc'],
  ['the body', [BODY], { body: '{"requestId":"abc"}' }, 'abc', 'abc'],
  [
    'the body, as a number',
    [BODY],
    { body: '{"requestId":12345678901234567890}' },
    '12345678901234567890',
    '12345678901234567890',
  ],
  ['the body, with quotes of its own', [BODY], { body: '{"requestId":"\\"a\\""}' }, '"a"', '"\\"a\\""'],
  [
    'the first place of two',
    [HEADER, BODY],
    { headers: { 'idempotency-key': 'a' }, body: '{"requestId":"b"}' },
    'a',
    'a',
  ],
  [
    'the first place, though it is the body',
    [BODY, HEADER],
    { headers: { 'idempotency-key': 'a' }, body: '{"requestId":"b"}' },
    'b',
    'b',
  ],
  ['the second, where the first is not there', [HEADER, BODY], { body: '{"requestId":"b"}' }, 'b', 'b'],
  [
    'the second, where the first is empty',
    [HEADER, OTHER],
    { headers: { 'idempotency-key': ' ', 'x-key': 'a' } },
    'a',
    'a',
  ],
  [
    'a header, where the body is no JSON',
    [BODY, HEADER],
    { headers: { 'idempotency-key': 'a' }, body: '{"requestId":' },
    'a',
    'a',
  ],
  ['the second of two places in the body', [BODY, DEEP], { body: '{"event":{"id":7}}' }, '7', '7'],
])('a key is found in %s', (_, keyFrom, sent, key, field) => {
  expect(find(keyFrom, sent)).toMatchObject({ kind: 'key', key, field });
});

test.each<[string, KeyFrom, Sent]>([
  ['nothing is anywhere', [HEADER, QUERY, BODY], {}],
  ['the member is null', [BODY], { body: '{"requestId":null}' }],
  ['the member is no integer', [BODY], { body: '{"requestId":1.5}' }],
  ['the body is a form', [BODY], { body: 'requestId=a' }],
  [
    'the body is that of a GET, which cannot be sent on',
    [BODY],
    { method: 'GET', body: '{"requestId":"a"}' },
  ],
  [
    'it is empty, and not needed',
    [HEADER, QUERY, BODY],
    { key: 'optional', headers: { 'idempotency-key': '' }, query: '?clientToken=', body: '{"requestId":""}' },
  ],
])('there is no key where %s', (_, keyFrom, sent) => {
  expect(find(keyFrom, sent)).toEqual({ kind: 'absent' });
});

test.each<[string, KeyFrom, Sent, string]>([
  ['is empty, and needed', [HEADER], { headers: { 'idempotency-key': '' } }, 'empty'],
  ['is empty in the query', [QUERY], { query: '?clientToken' }, 'empty'],
  ['is empty in the body', [BODY], { body: '{"requestId":""}' }, 'empty'],
  ['stands in the query twice', [QUERY], { query: '?clientToken=a&clientToken=a' }, 'more than one value'],
  ['is not UTF-8 in the query', [QUERY], { query: '?clientToken=%ff' }, 'visible ASCII'],
  ['stands in the body twice', [BODY], { body: '{"requestId":"a","requestId":"b"}' }, 'stands twice'],
  [
    'is too long in the body',
    [BODY],
    { body: `{"requestId":"${'x'.repeat(256)}"}` },
    'more than 255 characters',
  ],
  ['is a huge number', [BODY], { body: `{"requestId":${'1'.repeat(10_000)}}` }, 'more than 255 characters'],
  ['is not ASCII', [BODY], { body: '{"requestId":"\\u00e9"}' }, 'visible ASCII'],
  ['was never made', [BODY], { body: '{"requestId":"undefined"}' }, 'made no key'],
  [
    'is wrong, though the next is right',
    [HEADER, BODY],
    { headers: { 'idempotency-key': 'a b' }, body: '{"requestId":"b"}' },
    'visible ASCII',
  ],
  [
    'is wrong, though it is not needed',
    [BODY],
    { key: 'optional', body: '{"requestId":"é"}' },
    'visible ASCII',
  ],
])('a key is refused that %s', (_, keyFrom, sent, why) => {
  expect(find(keyFrom, sent)).toMatchObject({ kind: 'invalid', why: expect.stringContaining(why) });
});

test('the body is asked for only where nothing before it has a key', () => {
  const headers = { 'x-key': 'b' };
  expect(find([OTHER, BODY], { headers, body: null })).toMatchObject({ kind: 'key', key: 'b' });
  expect(find([HEADER, OTHER], { body: null })).toEqual({ kind: 'absent' });
  expect(find([BODY, OTHER], { headers, body: null })).toEqual({ kind: 'in-body-if-at-all' });
  expect(find([HEADER, BODY], { body: null })).toEqual({ kind: 'in-body-if-at-all' });
  expect(find([BODY, OTHER], { method: 'GET', headers, body: null })).toMatchObject({
    kind: 'key',
    key: 'b',
  });
});
