import { expect, test } from 'vitest';
import { parseConfig } from '../../src/config.ts';
import { minimal } from './minimal-env.ts';

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
