import { expect, test } from 'vitest';
import { endToEnd, upstreamUrl } from '../../src/request/forward.ts';

test.each([
  ['https://api.example', '', 'https://gate/v1/a?b=1', 'https://api.example/v1/a?b=1'],
  ['https://api.example/base/', '', 'https://gate/v1', 'https://api.example/base/v1'],
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

test('only end-to-end fields go on', () => {
  const headers = new Headers({
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
  });
  expect([...endToEnd(headers)].map(([name]) => name)).toEqual(['authorization', 'x-public']);
});
