import { expect, test } from 'vitest';
import { acceptEncodingOf, askedEncoding } from '../../../src/request/accept-encoding.ts';

test.each([
  [null, null],
  ['gzip', 'gzip'],
  ['gzip, deflate, br, zstd', 'gzip'],
  ['br;q=1.0, GZIP;q=0.5, *;q=0', 'gzip'],
  ['x-gzip', 'gzip'],
  ['*', 'gzip'],
  ['*;q=0.1', 'gzip'],
  ['gzip;q=0, *', 'identity'],
  ['gzip; q=0.000', 'identity'],
  ['*;q=0', 'identity'],
  ['identity', 'identity'],
  ['br', 'identity'],
  ['deflate, gzipped', 'identity'],
])('of a client that says %j, the upstream is asked for %j', (field, expected) => {
  expect(askedEncoding(field)).toBe(expected);
});

test.each([
  [undefined, 'gzip', 'gzip'],
  [undefined, null, null],
  ['identity', 'br, gzip', 'identity'],
  ['', 'br, gzip', null],
])('where the edge keeps %j and says %j itself, the client says %j', (kept, field, expected) => {
  const headers = new Headers(field === null ? {} : { 'accept-encoding': field });
  const cf = kept === undefined ? {} : { cf: { clientAcceptEncoding: kept } };
  expect(acceptEncodingOf(new Request('https://gate.example', { headers, ...cf }))).toBe(expected);
});
