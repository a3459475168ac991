import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { callerOf as callerOfClient } from '../../src/client/caller.ts';
import { checkMadeKey } from '../../src/client/key-syntax.ts';
import { readOptions } from '../../src/client/options.ts';
import { MAX_RECORD_BYTES, toResponse } from '../../src/client/stored-response.ts';
import { parseConfig } from '../../src/config.ts';
import { callerOf } from '../../src/request/caller.ts';
import { parseKey } from '../../src/request/key.ts';
import { responseFrom } from '../../src/response/replay.ts';

/*
 * The client library imports nothing of the gateway's, so what both have to know stands in both. These tests
 * hold the pairs together.
 */

const LATIN_1 = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code));

function gateway(settings: object) {
  const result = parseConfig({ LEDGER: { getByName() {} }, RESULTS: { getWithMetadata() {} }, ...settings });
  return result.ok ? result.config : undefined;
}

function result<T>(of: () => T): T | undefined {
  try {
    return of();
  } catch {
    return undefined;
  }
}

test('the longest body that is recorded is the same', () => {
  expect(MAX_RECORD_BYTES).toBe(gateway({ UPSTREAM_URL: 'https://api.example' })?.routes[0]?.maxRecordBytes);
});

test('the same statuses have no body', () => {
  const head = { fingerprint: '', bound: null, url: '', statusText: '', headers: [] };
  const body = new Uint8Array([1]);
  const withoutBody = (response: (status: number) => Response) =>
    Array.from({ length: 400 }, (_, index) => 200 + index).filter((status) => response(status).body === null);
  expect(withoutBody((status) => toResponse({ ...head, status, body }))).toEqual(
    withoutBody((status) =>
      responseFrom(
        {
          outcome: 'replayed',
          head: { status, headers: [] },
          body,
          size: 1,
          expiresAt: Date.now(),
          lease: null,
        },
        false,
        {
          target: new URL('https://gate.example/x'),
          route: { upstream: { kind: 'service', name: 'API' }, stripPrefix: '' },
        },
        'id',
        { method: 'POST', path: '/x', trace: null },
      ),
    ),
  );
});

test('the same characters make a method’s name', () => {
  const taken = (takes: (methods: string[]) => boolean) =>
    LATIN_1.filter((character) => takes([`A${character}`]));
  const byClient = taken((methods) => result(() => readOptions({ methods })) !== undefined);
  const byGateway = taken(
    (methods) => gateway({ UPSTREAM_URL: 'https://api.example', METHODS: methods }) !== undefined,
  );
  expect(byClient).toEqual(byGateway);
  expect(byClient).toHaveLength(77);
});

describe('a key that the client makes', () => {
  const takenByClient = (key: string) => result(() => checkMadeKey(key));

  test.each([
    ...LATIN_1.flatMap((character) => [character, `a${character}b`]),
    ...[255, 256].map((length) => 'x'.repeat(length)),
    ...[
      'undefined',
      'NULL',
      'nil',
      'none',
      'NaN',
      '[object Promise]',
      '00000000-0000-0000-0000-000000000000',
    ],
    ...['nullable', 'a,b', '0'],
  ])('is taken or refused by both: %j', (key) => {
    const read = parseKey(key);
    expect(takenByClient(key)).toBe(read.kind === 'key' && read.key === key ? key : undefined);
  });

  test('is read as itself by the gateway', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 300 }), (key) => {
        const sent = takenByClient(key);
        if (sent !== undefined) expect(parseKey(sent)).toEqual({ kind: 'key', key });
      }),
    );
  });
});

test('two requests have one caller for the client’s store where they have one for the gateway', () => {
  const name = fc.constantFrom(
    'authorization',
    'x-api-key',
    'apikey',
    'x-tenant-id',
    'cookie',
    'x-order-token',
    'date',
  );
  const headers = fc.dictionary(name, fc.constantFrom('', ' ', 'a', 'b', 'a=1'), { noNullPrototype: true });
  const same = <T>(one: T, other: T) => JSON.stringify(one) === JSON.stringify(other);
  fc.assert(
    fc.property(headers, headers, (one, other) => {
      const [a, b] = [new Headers(one), new Headers(other)];
      const atGateway = (from: Headers) => callerOf(from, '', 'auto', ['x-order-token']);
      const atClient = (from: Headers) => callerOfClient(from, 'X-Order-Token');
      expect(same(atClient(a).name, atClient(b).name)).toBe(same(atGateway(a).scope, atGateway(b).scope));
      expect(atClient(a).bound).toBe(atGateway(a).bound);
    }),
    { numRuns: 2_000 },
  );
});
