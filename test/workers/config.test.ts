import { expect, test } from 'vitest';
import { parseConfig } from '../../src/config.ts';

const bindings = { LEDGER: { getByName() {} }, RESULTS: { getWithMetadata() {} } };
const minimal = { ...bindings, UPSTREAM_URL: 'https://api.example' };

function routes(env: object) {
  const result = parseConfig(env);
  return result.ok ? result.config.routes : result.bad;
}

test('with an upstream and nothing else, everything has its default', () => {
  const result = parseConfig(minimal);
  expect(result).toMatchObject({ ok: true, config: { hotSeconds: 300, rateLimiter: null } });
  expect(routes(minimal)).toEqual([
    {
      path: '/*',
      upstream: { kind: 'url', base: 'https://api.example' },
      stripPrefix: '',
      ttlSeconds: 86_400,
      key: 'required',
      keyFrom: [{ in: 'header', name: 'Idempotency-Key' }],
      forwardKeyAs: { kind: 'as-it-came' },
      methods: ['POST', 'PATCH'],
      forwarded: 'set',
      scopeFrom: 'auto',
      fingerprint: 'bytes',
      concurrent: 'wait',
      waitSeconds: 60,
      recordStatuses: [
        { from: 200, to: 299 },
        { from: 301, to: 303 },
      ],
      failedWhen: [
        { kind: 'sse-error', text: 'sse-error' },
        { kind: 'no-end-mark', text: 'no-end-mark' },
      ],
      unknownOutcome: 'retry',
      corsOrigins: 'none',
      respondAsync: false,
      cancelAfterSeconds: null,
      upstreamTimeoutSeconds: 600,
      maxRequestBytes: 10_485_760,
      maxRecordBytes: 26_214_400 - 65_536,
      maxRunningPerCaller: 1_000,
      maxStoredBytesPerCaller: 5_000_000_000,
      resultsFromBytes: 0,
      shards: 16,
      location: null,
    },
  ]);
});

test.each([
  ['TTL_SECONDS', '60', { ttlSeconds: 60 }],
  ['TTL_SECONDS', 60, { ttlSeconds: 60 }],
  ['KEY', 'derived', { key: 'derived' }],
  ['CANCEL_AFTER_SECONDS', 'none', { cancelAfterSeconds: null }],
  ['CANCEL_AFTER_SECONDS', '0', { cancelAfterSeconds: 0 }],
  ['CANCEL_AFTER_SECONDS', 30, { cancelAfterSeconds: 30 }],
  ['RESPOND_ASYNC', 'true', { respondAsync: true }],
  ['RESPOND_ASYNC', false, { respondAsync: false }],
  ['KEY_FROM', 'X-Key', { keyFrom: [{ in: 'header', name: 'X-Key' }], forwardKeyAs: { kind: 'as-it-came' } }],
  [
    'KEY_FROM',
    'X-Key, query:clientToken,json:/a~1b/0',
    {
      keyFrom: [
        { in: 'header', name: 'X-Key' },
        { in: 'query', name: 'clientToken' },
        { in: 'json', pointer: ['a/b', '0'], text: '/a~1b/0' },
      ],
    },
  ],
  ['KEY_FROM', ['JSON:/a,b'], { keyFrom: [{ in: 'json', pointer: ['a,b'], text: '/a,b' }] }],
  ['FINGERPRINT', 'none', { fingerprint: 'none' }],
  ['FORWARD_KEY_AS', 'none', { forwardKeyAs: { kind: 'dropped' } }],
  ['FORWARD_KEY_AS', 'X-Key', { forwardKeyAs: { kind: 'in', name: 'X-Key' } }],
  ['METHODS', 'post, put', { methods: ['POST', 'PUT'] }],
  ['METHODS', ['POST'], { methods: ['POST'] }],
  ['SCOPE_FROM', 'auto', { scopeFrom: 'auto' }],
  ['SCOPE_FROM', 'none', { scopeFrom: 'none' }],
  [
    'SCOPE_FROM',
    'Authorization, cookie:Session, QUERY:Key',
    {
      scopeFrom: [
        { in: 'header', name: 'authorization' },
        { in: 'cookie', name: 'Session' },
        { in: 'query', name: 'Key' },
      ],
    },
  ],
  ['FINGERPRINT', 'json', { fingerprint: 'json' }],
  ['CONCURRENT', 'reject', { concurrent: 'reject' }],
  ['WAIT_SECONDS', '0', { waitSeconds: 0 }],
  [
    'RECORD_STATUSES',
    '200-299, 404',
    {
      recordStatuses: [
        { from: 200, to: 299 },
        { from: 404, to: 404 },
      ],
    },
  ],
  ['FORWARDED', 'pass', { forwarded: 'pass' }],
  ['FORWARDED', 'drop', { forwarded: 'drop' }],
  ['FAILED_WHEN', 'none', { failedWhen: [] }],
  ['FAILED_WHEN', ' json-error , ', { failedWhen: [{ kind: 'json-error', text: 'json-error' }] }],
  [
    'FAILED_WHEN',
    'sse-error, json:/ok=false',
    { failedWhen: [{ kind: 'sse-error' }, { kind: 'json', pointer: ['ok'], value: false }] },
  ],
  [
    'FAILED_WHEN',
    'json:/status="failed, declined",json-error',
    { failedWhen: [{ pointer: ['status'], value: 'failed, declined' }, { kind: 'json-error' }] },
  ],
  ['FAILED_WHEN', ['json:/a,b=c, d'], { failedWhen: [{ pointer: ['a,b'], value: 'c, d' }] }],
  [
    'FAILED_WHEN',
    'json:/a~1b/0/~01=failed',
    { failedWhen: [{ pointer: ['a/b', '0', '~1'], value: 'failed' }] },
  ],
  ['FAILED_WHEN', 'json:/code=-1.5e1', { failedWhen: [{ pointer: ['code'], value: -15 }] }],
  ['FAILED_WHEN', 'json:/=null', { failedWhen: [{ pointer: [''], value: null }] }],
  ['FAILED_WHEN', 'json:/code="0"', { failedWhen: [{ pointer: ['code'], value: '0' }] }],
  ['FAILED_WHEN', 'json:/a=b=c', { failedWhen: [{ pointer: ['a'], value: 'b=c' }] }],
  ['UNKNOWN_OUTCOME', 'refuse', { unknownOutcome: 'refuse' }],
  ['CORS_ORIGINS', 'none', { corsOrigins: 'none' }],
  ['CORS_ORIGINS', ' * ', { corsOrigins: '*' }],
  ['CORS_ORIGINS', ['*'], { corsOrigins: '*' }],
  [
    'CORS_ORIGINS',
    'https://app.example, http://localhost:5173',
    { corsOrigins: ['https://app.example', 'http://localhost:5173'] },
  ],
  ['CORS_ORIGINS', ['https://[2001:db8::1]:8443'], { corsOrigins: ['https://[2001:db8::1]:8443'] }],
  [
    'CORS_ORIGINS',
    'capacitor://localhost,chrome-extension://abcdefghijklmnop',
    { corsOrigins: ['capacitor://localhost', 'chrome-extension://abcdefghijklmnop'] },
  ],
  ['UPSTREAM_TIMEOUT_SECONDS', '5', { upstreamTimeoutSeconds: 5 }],
  ['MAX_REQUEST_BYTES', '1', { maxRequestBytes: 1 }],
  ['MAX_RECORD_BYTES', '1', { maxRecordBytes: 1 }],
  ['RESULTS_FROM_BYTES', '1000', { resultsFromBytes: 1000 }],
  ['LEDGER_SHARDS', '1', { shards: 1 }],
  ['LEDGER_LOCATION', 'weur', { location: 'weur' }],
])('%s = %j is taken', (name, value, expected) => {
  expect(routes({ ...minimal, [name]: value })).toMatchObject([expected]);
});

test.each([
  ['https://api.example/', 'https://api.example'],
  ['https://api.example/base/', 'https://api.example/base'],
  ['https://api.example/base//', 'https://api.example/base'],
  [' https://api.example/base ', 'https://api.example/base'],
  ['https://api.example?', 'https://api.example'],
  ['https://api.example/base?', 'https://api.example/base'],
  ['https://api.example/#', 'https://api.example'],
  ['https://api.example/a\\', 'https://api.example/a'],
  ['HTTPS://API.example:443/a b/../c', 'https://api.example/c'],
])('the upstream %j is put into one spelling, to which a path can be appended', (upstream, base) => {
  expect(routes({ ...minimal, UPSTREAM_URL: upstream })).toMatchObject([{ upstream: { kind: 'url', base } }]);
});

test('a key that is derived cannot do without a fingerprint', () => {
  const why = expect.stringContaining('all requests without a key would be one');
  expect(parseConfig({ ...minimal, KEY: 'derived', FINGERPRINT: 'none' })).toEqual({
    ok: false,
    bad: [{ setting: 'FINGERPRINT', why }],
  });
  const ROUTES = [{ path: '/a', key: 'derived' }, { path: '/b' }];
  expect(parseConfig({ ...minimal, ROUTES, FINGERPRINT: 'none' })).toEqual({
    ok: false,
    bad: [{ setting: 'ROUTES[0].fingerprint', why }],
  });
});

test.each([
  ['UPSTREAM_URL', undefined, 'is missing'],
  ['UPSTREAM_URL', 'ftp://x', 'http or https'],
  ['UPSTREAM_URL', 'api.example', 'http or https'],
  ['UPSTREAM_URL', 'https://user:pass@api.example', 'credentials'],
  ['UPSTREAM_URL', 'https://api.example?x=1', 'query'],
  ['TTL_SECONDS', '0', '1 to 7776000'],
  ['TTL_SECONDS', '7776001', '1 to 7776000'],
  ['TTL_SECONDS', '1.5', 'whole number'],
  ['TTL_SECONDS', 'a day', 'whole number'],
  ['TTL_SECONDS', '', 'whole number'],
  ['TTL_SECONDS', true, 'whole number'],
  ['HOT_SECONDS', '-1', 'whole number'],
  ['KEY', 'sometimes', 'required, optional, derived'],
  ['KEY_FROM', 'Idempotency Key', 'header names, query:NAME and json:/POINTER'],
  ['KEY_FROM', 'query:', 'header names, query:NAME and json:/POINTER'],
  ['KEY_FROM', 'json:', 'header names, query:NAME and json:/POINTER'],
  ['KEY_FROM', 'json:id', 'header names, query:NAME and json:/POINTER'],
  ['KEY_FROM', 'json:/a~2', 'header names, query:NAME and json:/POINTER'],
  ['KEY_FROM', 'cookie:a', 'header names, query:NAME and json:/POINTER'],
  ['KEY_FROM', ',', 'header names, query:NAME and json:/POINTER'],
  ['KEY_FROM', 5, 'header names, query:NAME and json:/POINTER'],
  ['METHODS', 'POST,HEAD', 'HEAD'],
  ['METHODS', '', 'list'],
  ['METHODS', 'P OST', 'HTTP methods'],
  ['SCOPE_FROM', 'cookie:', 'cookie:NAME'],
  ['SCOPE_FROM', 'auto,authorization', 'must be auto, none, or a list'],
  ['SCOPE_FROM', '', 'must be auto, none, or a list'],
  ['SCOPE_FROM', 1, 'must be auto, none, or a list'],
  ['FINGERPRINT', 'yaml', 'bytes, json'],
  ['RECORD_STATUSES', '299-200', 'ends before it begins'],
  ['RECORD_STATUSES', '2xx', '200-299,404'],
  ['RECORD_STATUSES', '100', '200 to 599'],
  ['RECORD_STATUSES', '200,307', 'must not hold 307 or 308'],
  ['RECORD_STATUSES', '307-308', 'must not hold 307 or 308'],
  ['FORWARDED', 'yes', 'set, pass, drop'],
  ['CORS_ORIGINS', '', 'list such as https://app.example.com,'],
  ['CORS_ORIGINS', 'app.example', 'such as https://app.example.com; "app.example" is not one'],
  ['CORS_ORIGINS', 'localhost:3000', '"localhost:3000" is not one'],
  ['CORS_ORIGINS', '//app.example', '"//app.example" is not one'],
  [
    'CORS_ORIGINS',
    'https://app.example/',
    'a slash at the end: https://app.example, not "https://app.example/"',
  ],
  ['CORS_ORIGINS', 'https://app.example/shop', 'without a path'],
  ['CORS_ORIGINS', 'https://app.example:443', 'https://app.example, not "https://app.example:443"'],
  ['CORS_ORIGINS', 'https://App.example', 'https://app.example, not "https://App.example"'],
  ['CORS_ORIGINS', 'https://bücher.example', 'https://xn--bcher-kva.example, not'],
  ['CORS_ORIGINS', 'https://ann@app.example', 'https://app.example, not'],
  ['CORS_ORIGINS', 'https://*.app.example', 'is a pattern'],
  ['CORS_ORIGINS', 'null', 'must not hold null'],
  ['CORS_ORIGINS', 'capacitor://localhost/', 'scheme://host[:port]'],
  ['CORS_ORIGINS', 'file:///', 'scheme://host[:port]'],
  ['CORS_ORIGINS', '*,https://app.example', 'or * for all'],
  ['CORS_ORIGINS', 'https://app.example,none', 'or * for all'],
  ['FAILED_WHEN', '', 'list'],
  ['FAILED_WHEN', 7, 'list'],
  ['FAILED_WHEN', 'sse-eror', 'sse-error, json-error, no-end-mark'],
  ['FAILED_WHEN', 'SSE-ERROR', 'sse-error, json-error, no-end-mark'],
  ['FAILED_WHEN', 'json:/ok=false,sse-eror', 'sse-error, json-error, no-end-mark'],
  ['FAILED_WHEN', 'json:/status=failed, declined', 'sse-error, json-error, no-end-mark'],
  ['FAILED_WHEN', 'none,sse-error', 'beside none'],
  ['FAILED_WHEN', 'json:ok=false', 'such as json:/ok=false'],
  ['FAILED_WHEN', 'json:/ok', 'such as json:/ok=false'],
  ['FAILED_WHEN', 'json:/ok=', 'such as json:/ok=false'],
  ['FAILED_WHEN', 'json:/a~2=1', '~0'],
  ['FAILED_WHEN', 'json:/ok=False', 'no JSON value'],
  ['FAILED_WHEN', 'json:/ok="false', 'no JSON value'],
  ['FAILED_WHEN', 'json:/ok=[]', 'a text, a number'],
  ['FAILED_WHEN', 'json:/n=9007199254740993', '2^53'],
  ['FAILED_WHEN', `json:/ok=${'x'.repeat(1_100)}`, '1024 characters'],
  ['FAILED_WHEN', Array(33).fill('json-error'), 'at most 32'],
  ['FAILED_WHEN', `json:${'/'.repeat(100_000)}`, 'such as json:/ok=false'],
  ['MAX_RECORD_BYTES', '26214400', 'whole number'],
  ['LEDGER_SHARDS', 'many', 'whole number'],
  ['LEDGER_LOCATION', 'moon', 'location hint'],
  ['LEDGER', undefined, 'Durable Object'],
  ['RESULTS', 'x', 'KV namespace'],
  ['ROUTES', 'x', 'list'],
  ['ROUTES', [], 'list'],
  ['ROUTES', [1], 'list'],
])('%s = %j is refused once, by name and with the reason', (name, value, why) => {
  expect(parseConfig({ ...minimal, [name]: value })).toEqual({
    ok: false,
    bad: [{ setting: name, why: expect.stringContaining(why) }],
  });
});

test.each([
  ['an unknown setting', { ttl: 1 }, 'ROUTES[0].ttl', 'not a route setting'],
  ['a bad value', { ttlSeconds: 0 }, 'ROUTES[0].ttlSeconds', '1 to 7776000'],
  ['a service that is not bound', { service: 'API' }, 'ROUTES[0].service', 'not a service binding'],
  ['an upstream and a service', { service: 'BOUND', upstream: 'https://x' }, 'ROUTES[0]', 'one of them'],
  ['a pattern that is none', { path: 'v1/*' }, 'ROUTES[0].path', 'begin with /'],
  ['a pattern that does not compile', { path: '/:id{[}' }, 'ROUTES[0].path', 'path pattern'],
  ['the gateway’s own path', { path: '/_oncegate/*' }, 'ROUTES[0].path', 'own'],
])('a route with %s is refused by name', (_, route, setting, why) => {
  const result = parseConfig({ ...minimal, BOUND: { fetch() {} }, ROUTES: [route] });
  expect(result).toEqual({ ok: false, bad: [{ setting, why: expect.stringContaining(why) }] });
});

test('every bad setting is named, not only the first', () => {
  const result = parseConfig({
    ...bindings,
    TTL_SECONDS: '0',
    KEY: 'x',
    ROUTES: [{ path: '/a', ttlSeconds: 'x' }],
  });
  expect(result.ok ? [] : result.bad.map(({ setting }) => setting)).toEqual([
    'TTL_SECONDS',
    'KEY',
    'ROUTES[0].ttlSeconds',
    'ROUTES[0].upstream',
  ]);
});

test('a route takes what it does not set from the environment', () => {
  const env = {
    ...minimal,
    TTL_SECONDS: '100',
    KEY_FROM: 'X-Key',
    ROUTES: [
      { path: '/a', ttlSeconds: 5, upstream: 'https://a.example' },
      { path: '/b', service: 'BOUND' },
    ],
    BOUND: { fetch() {} },
  };
  expect(routes(env)).toMatchObject([
    {
      path: '/a',
      ttlSeconds: 5,
      keyFrom: [{ in: 'header', name: 'X-Key' }],
      upstream: { kind: 'url', base: 'https://a.example' },
    },
    {
      path: '/b',
      ttlSeconds: 100,
      keyFrom: [{ in: 'header', name: 'X-Key' }],
      upstream: { kind: 'service', name: 'BOUND' },
    },
  ]);
});

test('a route can leave CORS to its upstream where the others do not', () => {
  const env = {
    ...minimal,
    CORS_ORIGINS: 'https://app.example',
    ROUTES: [{ path: '/a' }, { path: '/b', corsOrigins: 'none' }],
  };
  expect(routes(env)).toMatchObject([{ corsOrigins: ['https://app.example'] }, { corsOrigins: 'none' }]);
});

test('routes may come as JSON text', () => {
  expect(routes({ ...minimal, ROUTES: '[{"path":"/a"}]' })).toMatchObject([{ path: '/a' }]);
});

test('a second route of one path would never run, and is refused', () => {
  expect(parseConfig({ ...minimal, ROUTES: [{ path: '/a' }, { path: '/a' }] })).toMatchObject({
    bad: [{ setting: 'ROUTES[1].path' }],
  });
});
