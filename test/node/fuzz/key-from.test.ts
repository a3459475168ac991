import { afterAll, expect, test } from 'vitest';
import { useGateway } from '../harness/use.ts';
import { FuzzOrigin } from './origin.ts';

const MIB = 1024 * 1024;

/** What a gateway may take for such a body: many times what it does, on a machine with other things to do. */
const BOUND_MS = 20_000;

/** As long as a pointer may be. */
const POINTER_TOKENS = 500;
const DEEP = '{"a":'.repeat(POINTER_TOKENS - 1);

const origin = new FuzzOrigin();
const gateway = useGateway(async () => ({
  vars: {
    UPSTREAM_URL: await origin.start(),
    KEY_FROM: `json:/id,json:/a/b/c/d,json:/0/id,json:${'/a'.repeat(POINTER_TOKENS)}`,
    MAX_REQUEST_BYTES: 12 * MIB,
    ROUTES: [
      { path: '/json/*', fingerprint: 'json' },
      { path: '/optional/*', key: 'optional' },
      { path: '/*' },
    ],
  },
}));

afterAll(() => origin.stop());

/** JSON or nearly, of so many bytes or a few less, that holds no key and is hard on some reader. */
const HARD: readonly [name: string, make: (bytes: number) => string][] = [
  ['open brackets', (bytes) => '['.repeat(bytes)],
  ['open objects', (bytes) => '{"a":'.repeat(bytes / 5)],
  ['brackets that close', (bytes) => `${'['.repeat(bytes / 2)}${']'.repeat(bytes / 2)}`],
  ['empty objects', (bytes) => `[${'{},'.repeat(bytes / 3 - 2)}{}]`],
  ['members of the key’s name', (bytes) => `{${'"id":{},'.repeat(bytes / 8 - 2)}"id":1}`],
  ['names that begin like the key’s', (bytes) => `{${'"i":1,'.repeat(bytes / 6 - 2)}"i":1}`],
  ['beginnings of the way to the key', (bytes) => `[${'{"a":{"b":{"c":{}}}},'.repeat(bytes / 21 - 2)}{}]`],
  ['the whole way but its end', (bytes) => `${DEEP.repeat(bytes / (2 * DEEP.length))}`],
  ['a number', (bytes) => '9'.repeat(bytes)],
  ['a number as the key', (bytes) => `{"id":${'9'.repeat(bytes - 7)}}`],
  ['a fraction as the key', (bytes) => `{"id":1.${'0'.repeat(bytes - 9)}}`],
  ['an exponent as the key', (bytes) => `{"id":1e${'0'.repeat(bytes - 9)}}`],
  ['a name', (bytes) => `{"${'i'.repeat(bytes - 6)}":1}`],
  ['an escaped name', (bytes) => `{"${'\\u0069'.repeat(bytes / 6 - 1)}":1}`],
  ['a string without an end', (bytes) => `{"a":"${'x'.repeat(bytes - 6)}`],
  ['backslashes', (bytes) => `"${'\\'.repeat(bytes - 1)}`],
  ['backslashes between quotes', (bytes) => `["${'\\\\\\"'.repeat(bytes / 4 - 1)}"]`],
  ['white space', (bytes) => ' '.repeat(bytes)],
  ['half a character', (bytes) => `{"id":"\u00e9${'\\ud800'.repeat(bytes / 6 - 2)}"}`],
];

test.each(HARD)('10 MiB of %s are answered in bounded time, and block nobody for longer', async (_, make) => {
  const body = make(10 * MIB);
  const startedAt = performance.now();
  const [required, optional, spelt] = await Promise.all(
    ['/x', '/optional/x', '/json/x'].map((path) => send(path, body)),
  );
  expect([required?.status, spelt?.status]).toEqual([400, 400]);
  expect([200, 400]).toContain(optional?.status);
  const health = await fetch(`${gateway.url}/_oncegate/health`);
  expect(health.status).toBe(200);
  expect(performance.now() - startedAt).toBeLessThan(BOUND_MS);
});

// A larger text is not put into one spelling.
test.each(HARD)('1 MiB of %s that is to be put into one spelling takes bounded time', async (_, make) => {
  const body = make(MIB);
  const startedAt = performance.now();
  expect((await send('/json/x', body)).status).toBe(400);
  expect(performance.now() - startedAt).toBeLessThan(BOUND_MS);
});

async function send(path: string, body: string): Promise<Response> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${gateway.url}${path}`, { method: 'POST', headers, body });
  await response.text();
  return response;
}
