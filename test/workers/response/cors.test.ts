import { expect, test } from 'vitest';
import { answerPreflight, type CorsPolicy, shareResponse } from '../../../src/response/cors.ts';

const APP = 'https://app.example';
const LISTED: CorsPolicy = { origins: [APP, 'https://admin.example'], keyHeaders: ['X-Key'] };
const EVERY: CorsPolicy = { origins: '*', keyHeaders: ['X-Key'] };

function preflight(headers: Record<string, string> = {}, policy = LISTED): Response | null {
  return answerPreflight(
    new Request('https://gate.example/orders', {
      method: 'OPTIONS',
      headers: { origin: APP, 'access-control-request-method': 'POST', ...headers },
    }),
    policy,
  );
}

/** The CORS fields of a response that had these, and `Vary`. */
function shared(fields: [string, string][], origin: string | null, origins: CorsPolicy['origins']) {
  const headers = new Headers(fields);
  shareResponse(headers, origin, origins);
  return Object.fromEntries([...headers].filter(([name]) => /^(access-control-.*|vary)$/.test(name)));
}

test('a preflight of a listed origin is allowed all it asks for, the key, the media type and the credentials', () => {
  const response = preflight({ 'access-control-request-headers': 'x-trace,content-type, x-key' });
  expect(response?.status).toBe(204);
  expect(Object.fromEntries(response?.headers ?? [])).toEqual({
    'access-control-allow-origin': APP,
    'access-control-allow-credentials': 'true',
    'access-control-allow-methods': 'GET, HEAD, POST, PUT, PATCH, DELETE',
    'access-control-allow-headers': 'X-Key, Content-Type, Authorization, x-trace',
    'access-control-max-age': '7200',
    vary: 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers',
  });
});

test('a method that is not usual is allowed when it is asked for', () => {
  const response = preflight({ 'access-control-request-method': 'QUERY' });
  expect(response?.headers.get('access-control-allow-methods')).toMatch(/, DELETE, QUERY$/);
});

test.each([
  'https://evil.example',
  `${APP}.evil.example`,
  `${APP}:8443`,
  'http://app.example',
  'null',
  APP.toUpperCase(),
])('a preflight of %s, which is not listed, is told nothing', (origin) => {
  const response = preflight({ origin, 'access-control-request-headers': 'x-key' });
  expect(Object.fromEntries(response?.headers ?? [])).toEqual({
    vary: 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers',
  });
});

test('under * a preflight of any origin is allowed, without credentials', () => {
  for (const origin of ['https://anybody.example', 'null']) {
    const headers = preflight({ origin }, EVERY)?.headers;
    expect(headers?.get('access-control-allow-origin')).toBe('*');
    expect(headers?.get('access-control-allow-credentials')).toBeNull();
    expect(headers?.get('access-control-allow-headers')).toBe('X-Key, Content-Type, Authorization');
  }
});

test('a private network is opened to a page that is listed, never to all', () => {
  const asks = { 'access-control-request-private-network': 'true' };
  const allowed = (response: Response | null) =>
    response?.headers.get('access-control-allow-private-network');
  expect(allowed(preflight(asks))).toBe('true');
  expect(allowed(preflight())).toBeNull();
  expect(allowed(preflight(asks, EVERY))).toBeNull();
  expect(allowed(preflight({ ...asks, origin: 'https://evil.example' }))).toBeNull();
});

test.each([
  ['an OPTIONS without an origin', 'OPTIONS', { 'access-control-request-method': 'POST' }],
  ['an OPTIONS that asks for no method', 'OPTIONS', { origin: APP }],
  ['a POST', 'POST', { origin: APP, 'access-control-request-method': 'POST' }],
])('%s is no preflight', (_, method, headers: Record<string, string>) => {
  expect(answerPreflight(new Request('https://gate.example/', { method, headers }), LISTED)).toBeNull();
});

test('what is no name of a field or a method is not repeated', () => {
  const response = preflight({
    'access-control-request-method': 'PO ST',
    'access-control-request-headers': 'x-a, , b c, "d", x-ä, *',
  });
  expect(response?.headers.get('access-control-allow-methods')).toBe('GET, HEAD, POST, PUT, PATCH, DELETE');
  expect(response?.headers.get('access-control-allow-headers')).toBe(
    'X-Key, Content-Type, Authorization, x-a, *',
  );
});

/** What an upstream, or the record of a response to another page, may hold. */
const UPSTREAMS: [string, string][] = [
  ['access-control-allow-origin', 'https://first.example'],
  ['access-control-allow-credentials', 'true'],
  ['access-control-expose-headers', 'x-theirs'],
  ['access-control-allow-methods', 'GET'],
  ['access-control-max-age', '1'],
  ['access-control-allow-private-network', 'true'],
  ['x-request-id', '1'],
  ['set-cookie', 'a=1'],
  ['set-cookie', 'b=2'],
  ['content-type', 'text/plain'],
  ['cache-status', 'oncegate; fwd=miss; stored'],
];
const EXPOSED = 'Cache-Status, Idempotent-Replayed, Retry-After, Location, Link, x-request-id';

test('the upstream’s CORS fields give way to the gateway’s, and its own fields are exposed by name', () => {
  expect(shared(UPSTREAMS, APP, LISTED.origins)).toEqual({
    'access-control-allow-origin': APP,
    'access-control-allow-credentials': 'true',
    'access-control-expose-headers': EXPOSED,
    vary: 'Origin',
  });
});

test.each([null, 'https://evil.example', 'https://first.example', 'null'])(
  'to the origin %s, which is not listed, no CORS field is sent',
  (origin) => {
    expect(shared(UPSTREAMS, origin, LISTED.origins)).toEqual({ vary: 'Origin' });
  },
);

test.each([null, 'https://anybody.example', 'null'])(
  'under * the answer to the origin %s is the same, so that it depends on none',
  (origin) => {
    expect(shared(UPSTREAMS, origin, '*')).toEqual({
      'access-control-allow-origin': '*',
      'access-control-expose-headers': EXPOSED,
    });
  },
);

test.each([
  ['Accept-Encoding', 'Accept-Encoding, Origin'],
  ['accept-encoding,ORIGIN', 'accept-encoding,ORIGIN'],
  ['*', '*'],
])('Vary: %s becomes %s', (before, after) => {
  expect(shared([['vary', before]], APP, LISTED.origins).vary).toBe(after);
});
