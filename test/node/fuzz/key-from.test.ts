import { afterAll, expect, test } from 'vitest';
import { useGateway } from '../harness/use.ts';
import { FuzzOrigin } from './origin.ts';

const MIB = 1024 * 1024;

/** What a gateway may take for such a body: many times what it does, on a machine with other things to do. */
const BOUND_MS = 20_000;

const origin = new FuzzOrigin();
const gateway = useGateway(async () => ({
  vars: {
    UPSTREAM_URL: await origin.start(),
    KEY_FROM: 'json:/id,json:/a/b/c/d,json:/0/id',
    MAX_REQUEST_BYTES: 12 * MIB,
    ROUTES: [
      { path: '/json/*', fingerprint: 'json' },
      { path: '/optional/*', key: 'optional' },
      { path: '/*' },
    ],
  },
}));

afterAll(() => origin.stop());

/** JSON or nearly, of 10 MiB, that holds no key and is hard on some reader. */
const HARD: readonly [name: string, make: () => string][] = [
  ['open brackets', () => '['.repeat(10 * MIB)],
  ['open objects', () => '{"a":'.repeat(2 * MIB)],
  ['brackets that close', () => `${'['.repeat(5 * MIB)}${']'.repeat(5 * MIB)}`],
  ['empty objects', () => `[${'{},'.repeat(3 * MIB)}{}]`],
  ['members of the key’s name', () => `{${'"id":{},'.repeat(MIB)}"id":1}`],
  ['names that begin like the key’s', () => `{${'"i":1,'.repeat(MIB + MIB / 2)}"i":1}`],
  ['a number', () => '9'.repeat(10 * MIB)],
  ['a number as the key', () => `{"id":${'9'.repeat(10 * MIB)}}`],
  ['a name', () => `{"${'i'.repeat(10 * MIB)}":1}`],
  ['an escaped name', () => `{"${'\\u0069'.repeat(MIB)}":1}`],
  ['a string without an end', () => `{"a":"${'x'.repeat(10 * MIB)}`],
  ['backslashes', () => `"${'\\'.repeat(10 * MIB)}`],
  ['white space', () => ' '.repeat(10 * MIB)],
];

test.each(HARD)('10 MiB of %s are answered in bounded time, and block nobody for longer', async (_, make) => {
  const body = make();
  const startedAt = performance.now();
  const send = (path: string) => fetch(`${gateway.url}${path}`, { method: 'POST', body });
  const [required, optional, spelt] = await Promise.all([send('/x'), send('/optional/x'), send('/json/x')]);
  expect([required.status, spelt.status]).toEqual([400, 400]);
  expect([200, 400]).toContain(optional.status);
  await Promise.all([required, optional, spelt].map((response) => response.text()));
  const health = await fetch(`${gateway.url}/_oncegate/health`);
  expect(health.status).toBe(200);
  expect(performance.now() - startedAt).toBeLessThan(BOUND_MS);
});
