import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nearestName } from '../../src/nearest-name.ts';

const NAMES = [
  ...[
    'UPSTREAM_URL',
    'TTL_SECONDS',
    'KEY',
    'KEY_FROM',
    'FORWARD_KEY_AS',
    'METHODS',
    'SCOPE_FROM',
    'FINGERPRINT',
  ],
  ...[
    'CONCURRENT',
    'WAIT_SECONDS',
    'RECORD_STATUSES',
    'UNKNOWN_OUTCOME',
    'CANCEL_AFTER_SECONDS',
    'CORS_ORIGINS',
  ],
  ...[
    'UPSTREAM_TIMEOUT_SECONDS',
    'MAX_REQUEST_BYTES',
    'MAX_RECORD_BYTES',
    'MAX_RUNNING_PER_CALLER',
    'ROUTES',
  ],
];
const FIELDS = [
  'upstream',
  'ttlSeconds',
  'key',
  'keyFrom',
  'methods',
  'scopeFrom',
  'unknownOutcome',
  'stripPrefix',
];

test.each([
  ['UNKOWN_OUTCOME', 'UNKNOWN_OUTCOME'],
  ['UNKNOWN_OUTCOMES', 'UNKNOWN_OUTCOME'],
  ['UNKNOWNOUTCOME', 'UNKNOWN_OUTCOME'],
  ['TTL_SECOND', 'TTL_SECONDS'],
  ['TTL_SECODNS', 'TTL_SECONDS'],
  ['TTLSECONDS', 'TTL_SECONDS'],
  ['TTL-SECONDS', 'TTL_SECONDS'],
  ['ttl_seconds', 'TTL_SECONDS'],
  ['ttlSeconds', 'TTL_SECONDS'],
  ['TTL_MINUTES', 'TTL_SECONDS'],
  ['TTL_MS', 'TTL_SECONDS'],
  ['TTL', 'TTL_SECONDS'],
  ['METHOD', 'METHODS'],
  ['METHDOS', 'METHODS'],
  ['KEYS', 'KEY'],
  ['RECORD_STATUS', 'RECORD_STATUSES'],
  ['ROUTE', 'ROUTES'],
  ['UPSTREAM_URI', 'UPSTREAM_URL'],
  ['UPSTREAM_HOST', 'UPSTREAM_URL'],
  ['UPSTREAM_TIMEOUT', 'UPSTREAM_TIMEOUT_SECONDS'],
  ['UPSTREAM_TIMEOUT_MS', 'UPSTREAM_TIMEOUT_SECONDS'],
  ['MAX_REQUEST_SIZE', 'MAX_REQUEST_BYTES'],
  ['MAX_RUNNING', 'MAX_RUNNING_PER_CALLER'],
  ['CORS_ORIGIN', 'CORS_ORIGINS'],
  ['SCOPE_HEADERS', 'SCOPE_FROM'],
  ['KEY_HEADER', 'KEY_FROM'],
])('%s means %s', (written, meant) => {
  expect(nearestName(written, NAMES)).toBe(meant);
});

test.each([
  ...[
    'STRIPE_SECRET',
    'LOG_LEVEL',
    'NODE_ENV',
    'API_URL',
    'API_KEY',
    'API_TOKEN',
    'BASE_URL',
    'DATABASE_URL',
    'DEBUG',
  ],
  ...[
    'SENTRY_DSN',
    'ENVIRONMENT',
    'VERSION',
    'CF_ACCOUNT_ID',
    'AWS_REGION',
    'AWS_SECRET_ACCESS_KEY',
    'OPENAI_API_KEY',
  ],
  ...[
    'JWT_SECRET',
    'SESSION_SECRET',
    'PORT',
    'HOST',
    'TZ',
    'REDIS_URL',
    'MAX_RETRIES',
    'CACHE_TTL',
    'CACHE_TTL_SECONDS',
  ],
  ...[
    'SLACK_WEBHOOK_URL',
    'TIMEOUT_MS',
    'EMAIL_FROM',
    'FEATURE_FLAGS',
    'TENANT_ID',
    'MODE',
    'PATH',
    'SERVICE',
    'A',
    '',
  ],
  ...['MAX_BODY_BYTES', 'REQUEST_TIMEOUT_SECONDS', 'MY_KEY', '__proto__', 'constructor', 'ÄÖÜ', '日本'],
])('%s is somebody else’s', (name) => {
  expect(nearestName(name, NAMES)).toBeNull();
});

test.each([
  ['ttl', 'ttlSeconds'],
  ['ttlSecond', 'ttlSeconds'],
  ['TTL_SECONDS', 'ttlSeconds'],
  ['ttl_seconds', 'ttlSeconds'],
  ['keyHeader', 'keyFrom'],
  ['scopeHeaders', 'scopeFrom'],
  ['stripprefix', 'stripPrefix'],
  ['StripPrefix', 'stripPrefix'],
  ['unkownOutcome', 'unknownOutcome'],
])('in a route %s means %s', (written, meant) => {
  expect(nearestName(written, FIELDS)).toBe(meant);
});

test('another spelling of a name means it, and typing errors in one do not', () => {
  const aliases = new Map([['shards', 'LEDGER_SHARDS']]);
  expect(nearestName('SHARDS', ['LEDGER_SHARDS'], aliases)).toBe('LEDGER_SHARDS');
  expect(nearestName('CHARDS', ['LEDGER_SHARDS'], aliases)).toBeNull();
});

test('one typing error in a name of eight letters or more is always found', () => {
  const long = NAMES.filter((name) => name.replaceAll('_', '').length >= 8);
  const letter = fc.constantFrom(...'ABCDEFGHIJKLMNOPQRSTUVWXYZ');
  fc.assert(
    fc.property(
      fc.constantFrom(...long),
      fc.nat(),
      fc.constantFrom('leave out', 'put in', 'change', 'swap'),
      letter,
      (name, place, error, wrong) => {
        const at = place % (name.length - 1);
        const written = {
          'leave out': name.slice(0, at) + name.slice(at + 1),
          'put in': name.slice(0, at) + wrong + name.slice(at),
          change: name.slice(0, at) + wrong + name.slice(at + 1),
          swap: name.slice(0, at) + (name[at + 1] ?? '') + (name[at] ?? '') + name.slice(at + 2),
        }[error];
        expect(nearestName(written, NAMES)).toBe(name);
      },
    ),
    { numRuns: 3_000 },
  );
});
