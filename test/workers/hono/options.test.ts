import { expect, test } from 'vitest';
import { idempotency } from '../../../src/hono/idempotency.ts';

test.each<[Record<string, unknown>, string]>([
  [{ ttlSeconds: 0 }, 'ttlSeconds must be a whole number from 1 to 7776000'],
  [{ ttlSeconds: 'soon' }, 'ttlSeconds must be a whole number from 1 to 7776000'],
  [{ key: 'maybe' }, 'key must be one of required, optional, derived'],
  [{ unknownOutcome: 'ask' }, 'unknownOutcome must be one of retry, refuse'],
  [{ recordStatuses: '200-299,307' }, 'recordStatuses must not hold 307 or 308'],
  [{ methods: ['POST', 'HEAD'] }, 'methods must not hold HEAD'],
  [{ shards: 1.5 }, 'shards must be a whole number'],
  [{ location: 'moon' }, 'location must be a Durable Object location hint'],
  [{ ttlSecond: 5 }, 'ttlSecond is not a route setting; did you mean ttlSeconds?'],
  [{ TTL_SECONDS: 5 }, 'TTL_SECONDS is not a route setting; did you mean ttlSeconds?'],
  [{ upstream: 'https://api.example.com' }, 'upstream is a setting of a gateway’s route, not of a handler'],
  [{ service: 'API' }, 'service is a setting of a gateway’s route, not of a handler'],
  [{ path: '/orders' }, 'path is a setting of a gateway’s route, not of a handler'],
  [{ respondAsync: 'maybe' }, 'respondAsync must be'],
  [{ cancelAfterSeconds: -1 }, 'cancelAfterSeconds must be'],
  [{ name: '' }, 'name must be a text of 1 to 256 characters'],
  [{ scope: 'user' }, 'scope must be a function'],
  [{ scope: () => null, scopeFrom: 'none' }, 'scope and scopeFrom both say who the caller is'],
  [{ bindings: { ledgers: 'X' } }, 'bindings.ledgers is not a binding'],
  [{ bindings: { ledger: 5 } }, 'bindings.ledger must be the name of a binding'],
  [{ entrypoint: 5 }, 'entrypoint must be the name of an export'],
])('%o is a TypeError when the middleware is made, in the setting’s own words', (options, words) => {
  expect(() => idempotency(options)).toThrow(TypeError);
  expect(() => idempotency(options)).toThrow(words);
});

test('each bad option is named, not only the first', () => {
  expect(() => idempotency({ ttlSeconds: 0, waitSeconds: -1 })).toThrow(/ttlSeconds .*; waitSeconds /);
});

test('what is right, left out or undefined is no error', () => {
  expect(() => idempotency()).not.toThrow();
  expect(() =>
    idempotency({
      name: 'orders',
      scope: () => 'somebody',
      ttlSeconds: 172_800,
      key: 'derived',
      methods: ['POST', 'PUT'],
      recordStatuses: '200-299,404',
      respondAsync: true,
      failedWhen: ['sse-error', 'json:/ok=false'],
      unknownOutcome: 'refuse',
      location: 'weur',
      bindings: { ledger: 'ONCE' },
    }),
  ).not.toThrow();
});
