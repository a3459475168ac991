import { reset } from 'cloudflare:test';
import { afterEach, expect, test, vi } from 'vitest';
import { Ledger } from '../../../src/ledger/ledger.ts';
import { PAGE_TOKEN_HEADER } from '../../../src/operator/console/page.tsx';
import { operator, post } from './gate.ts';

afterEach(async () => {
  vi.restoreAllMocks();
  await reset();
});

/** The ledger objects of vitest.config.ts: one for each route. */
const OBJECTS = 5;

const CALLS = ['list', 'failures', 'inspect', 'summary', 'overview'] as const;

test.each([
  '/',
  '/?window=24h',
  '/console/executions',
  '/console/executions?path=/no-such',
  '/console/failures',
])('a page that is looked at asks each ledger object at most once each time: %s', async (path) => {
  await (await post('/count/x', 'key')).text();
  const spies = CALLS.map((call) => vi.spyOn(Ledger.prototype, call));
  const response = await operator(path, { headers: { [PAGE_TOKEN_HEADER]: 'token' } });
  expect(response.status).toBe(200);
  await response.text();
  const calls = spies.reduce((sum, spy) => sum + spy.mock.calls.length, 0);
  expect(calls).toBeGreaterThan(0);
  expect(calls).toBeLessThanOrEqual(OBJECTS);
});
