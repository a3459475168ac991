import { expect, test } from 'vitest';
import { appendAll, endToEnd } from '../../../src/headers.ts';
import type { ForwardKey, KeyPlace } from '../../../src/key-from.ts';
import { forwardInPlace, keyedHeaders, upstreamUrl } from '../../../src/request/forward.ts';
import { wayHere } from '../../../src/request/forwarded.ts';

test.each([
  ['https://api.example', '', 'https://gate/v1/a?b=1', 'https://api.example/v1/a?b=1'],
  ['https://api.example/base', '', 'https://gate/v1', 'https://api.example/base/v1'],
  ['https://api.example', '/openai', 'https://gate/openai/v1', 'https://api.example/v1'],
  ['https://api.example', '/openai', 'https://gate/openai', 'https://api.example/'],
  ['https://api.example', '/openai', 'https://gate/openaix/v1', 'https://api.example/openaix/v1'],
  [
    'https://api.example/base',
    '',
    'https://gate//evil.example/x',
    'https://api.example/base//evil.example/x',
  ],
  [
    'https://api.example/base',
    '/p',
    'https://gate/p//evil.example',
    'https://api.example/base//evil.example',
  ],
  ['https://api.example/base', '', 'https://gate/%2e%2e/x', 'https://api.example/base/x'],
  ['https://api.example/base', '', 'https://gate/..%2fx', 'https://api.example/base/..%2fx'],
  ['https://api.example/base', '', 'https://gate/\\evil.example', 'https://api.example/base//evil.example'],
  ['https://api.example', '', 'https://gate/@evil.example', 'https://api.example/@evil.example'],
  ['http://127.0.0.1:8080', '', 'https://gate/%00?%00', 'http://127.0.0.1:8080/%00?%00'],
])('with the base %s and the prefix %j, %s goes to %s', (base, stripPrefix, request, expected) => {
  expect(upstreamUrl({ kind: 'url', base }, stripPrefix, new URL(request))).toBe(expected);
});

function received(): Headers {
  return new Headers({
    connection: 'close, X-Private , ,bad name',
    'x-private': '1',
    'keep-alive': 'timeout=5',
    te: 'trailers',
    trailer: 'x',
    'transfer-encoding': 'chunked',
    upgrade: 'h2c',
    'proxy-authorization': 'Basic x',
    'proxy-connection': 'keep-alive',
    'x-public': '1',
    authorization: 'Bearer x',
    host: 'gate',
    expect: '100-continue',
    'content-length': '3',
    via: '1.0 front',
    'idempotency-key': '"k"',
    'x-key': 'of the client',
    'accept-encoding': 'br',
    forwarded: 'host=evil.example',
    'x-forwarded-host': 'evil.example',
    'x-forwarded-prefix': '/evil',
  });
}

/** What the gateway says itself. */
const own = {
  via: '1.1 oncegate-1',
  wayHere: wayHere('set', new URL('https://gate/x')),
  acceptEncoding: 'gzip',
};

test('only end-to-end fields go on', () => {
  const ofThisHop = ['connection', 'keep-alive', 'proxy-authorization', 'proxy-connection', 'te'];
  const names = endToEnd(received()).map(([name]) => name);
  for (const name of [...ofThisHop, 'trailer', 'transfer-encoding', 'upgrade', 'x-private']) {
    expect(names).not.toContain(name);
  }
  expect(names).toEqual(expect.arrayContaining(['authorization', 'x-public', 'host', 'content-length']));
});

const HEADER = { in: 'header', name: 'Idempotency-Key' } as const;
const OTHER_HEADER = { in: 'header', name: 'X-Key' } as const;
const QUERY = { in: 'query', name: 'requestId' } as const;
const BODY = { in: 'json', pointer: ['id'], text: '/id' } as const;
const AS_IT_CAME = { kind: 'as-it-came' } as const;
const DROPPED = { kind: 'dropped' } as const;
const IN_ANOTHER = { kind: 'in', name: 'X-Key' } as const;
const THEIRS = { 'x-key': 'of the client' };

test.each<[string, KeyPlace[], KeyPlace | null, ForwardKey, Record<string, string>]>([
  ['in the header that it came in', [HEADER], HEADER, AS_IT_CAME, { ...THEIRS, 'idempotency-key': 'k' }],
  ['in none, if it is dropped', [HEADER], HEADER, DROPPED, THEIRS],
  ['in another, and in no other than that', [HEADER], HEADER, IN_ANOTHER, { 'x-key': 'k' }],
  ['from the body in none', [BODY], BODY, AS_IT_CAME, { ...THEIRS, 'idempotency-key': '"k"' }],
  ['from the query in none', [QUERY], QUERY, AS_IT_CAME, { ...THEIRS, 'idempotency-key': '"k"' }],
  ['from the body in a header, if that is wanted', [BODY, HEADER], BODY, IN_ANOTHER, { 'x-key': 'k' }],
  ['in none, and no other key either', [HEADER, OTHER_HEADER], HEADER, DROPPED, {}],
  [
    'in the first header, if it is derived',
    [BODY, OTHER_HEADER],
    null,
    AS_IT_CAME,
    { 'x-key': 'k', 'idempotency-key': '"k"' },
  ],
  [
    'in none, if it is derived and there is no header',
    [BODY],
    null,
    AS_IT_CAME,
    { ...THEIRS, 'idempotency-key': '"k"' },
  ],
])('a key goes on %s', (_, keyFrom, place, forwardKeyAs, expected) => {
  const headers = new Headers();
  const route = { keyFrom, forwardKeyAs, forwarded: 'set' } as const;
  appendAll(headers, keyedHeaders(received(), route, { place, field: 'k' }, own));
  expect(Object.fromEntries(headers)).toEqual({
    authorization: 'Bearer x',
    'x-public': '1',
    via: '1.0 front, 1.1 oncegate-1',
    'x-forwarded-host': 'gate',
    'x-forwarded-proto': 'https',
    'accept-encoding': 'gzip',
    ...expected,
  });
});

test('a request without a key goes on with the same fields', () => {
  const headers = received();
  forwardInPlace(headers, 'set', own);
  expect(Object.fromEntries(headers)).toEqual({
    authorization: 'Bearer x',
    'x-public': '1',
    via: '1.0 front, 1.1 oncegate-1',
    'x-forwarded-host': 'gate',
    'x-forwarded-proto': 'https',
    'accept-encoding': 'gzip',
    'idempotency-key': '"k"',
    'x-key': 'of the client',
  });
});
