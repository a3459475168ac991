import { env } from 'cloudflare:workers';
import { expect, test } from 'vitest';
import { parseConfig } from '../../../src/config.ts';
import { hasBeenAt, pseudonymOf } from '../../../src/request/via.ts';

function nameOf(settings: Record<string, unknown>): string {
  const result = parseConfig({ ...env, ROUTES: undefined, UPSTREAM_URL: 'https://a.example', ...settings });
  if (!result.ok) throw new Error('the settings are invalid');
  return pseudonymOf(result.config.ledger, result.config.routes);
}

test('a gateway bears one name, in each of its isolates', () => {
  expect(nameOf({})).toMatch(/^oncegate-[0-9a-f]{8}$/);
  expect(nameOf({})).toBe(nameOf({ TTL_SECONDS: '5' }));
});

test('a gateway before another upstream bears another name', () => {
  expect(nameOf({ UPSTREAM_URL: 'https://b.example' })).not.toBe(nameOf({}));
});

test.each([
  [null, false],
  ['1.1 oncegate-1', true],
  ['1.0 fred, 1.1 oncegate-1, 1.1 other (x)', true],
  ['HTTP/1.1 oncegate-1 (comment)', true],
  ['1.1 oncegate-2', false],
  ['1.1 oncegate-12', false],
  ['1.1 oncegate', false],
  ['1.1 (oncegate-1', false],
])('by the Via %j, a request has been at oncegate-1: %s', (via, expected) => {
  expect(hasBeenAt('oncegate-1', new Headers(via === null ? {} : { via }))).toBe(expected);
});
