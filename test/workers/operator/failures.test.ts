import { evictDurableObject, reset, runDurableObjectAlarm } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import * as v from 'valibot';
import { afterEach, expect, test, vi } from 'vitest';
import { Ledger } from '../../../src/ledger/ledger.ts';
import { executionList, failureList } from '../../../src/operator/schemas.ts';
import { operator, post } from './gate.ts';

afterEach(async () => {
  vi.restoreAllMocks();
  await reset();
});

const TRACE = '0af7651916cd43dd8448eb211c80319c';

function ledger(route = '/*') {
  return env.LEDGER.getByName(`${route}:0`);
}

/** The failures that the API gives, checked against their own schema. */
async function failures(query = '') {
  const response = await operator(`/failures${query}`);
  expect(response.status).toBe(200);
  return v.parse(failureList, await response.json()).failures;
}

test('a run that failed is seen, with all that it is found again by and nothing of its query', async () => {
  const headers = { traceparent: `00-${TRACE}-b7ad6b7169203331-01` };
  await (await post('/status/503?secret=1', 'order-1', { headers })).text();
  const [failure, ...others] = await failures();
  expect(others).toEqual([]);
  expect(failure).toMatchObject({
    route: '/*',
    shard: 0,
    method: 'POST',
    path: '/status/503',
    traceId: TRACE,
    reason: 'status',
    status: 503,
    rule: null,
    caller: expect.stringMatching(/^[\da-f]{4}$/),
  });
  expect(JSON.stringify(failure)).not.toContain('secret');
});

test('a failure says by what its body gave it away, or that there was no response', async () => {
  await (await post('/judged/spoiled/json', 'spoiled')).text();
  expect(await failures('?route=/judged/*')).toMatchObject([
    { reason: 'said-failed', status: 200, rule: 'json-error' },
  ]);
  await (await post('/status/522', 'lost')).text();
  expect(await failures('?route=/*')).toMatchObject([{ reason: 'no-response', status: 522 }]);
});

test('the failures of one key are found by it, and those of another are not', async () => {
  await (await post('/status/500', 'order-1')).text();
  await (await post('/status/501', 'order-2')).text();
  expect(await failures('?key=order-1')).toMatchObject([{ status: 500 }]);
  const byField = await operator('/failures', { headers: { 'oncegate-key': 'order-2' } });
  expect(v.parse(failureList, await byField.json()).failures).toMatchObject([{ status: 501 }]);
  expect(await failures('?key=order-3')).toEqual([]);
});

test('of all that failed, an object hands over those of the one key that is looked for', async () => {
  for (const key of ['order-1', 'order-2', 'order-1', 'order-3'])
    await (await post('/status/500', key)).text();
  const asked = vi.spyOn(Ledger.prototype, 'failures');
  expect(await failures('?key=order-1&limit=1')).toHaveLength(1);
  expect(asked.mock.results.map(({ value }) => value.length).filter((length) => length > 0)).toEqual([1]);
  expect(await failures('?key=order-1')).toHaveLength(2);
});

test('failures outlive the object once they are written down, and only the last 200 of them', async () => {
  for (let n = 0; n < 3; n += 1) await (await post(`/status/${500 + n}`, `key-${n}`)).text();
  await runDurableObjectAlarm(ledger());
  await evictDurableObject(ledger());
  await (await post('/status/504', 'key-4')).text();
  expect((await failures()).map(({ status }) => status)).toEqual([504, 502, 501, 500]);
  await runDurableObjectAlarm(ledger());
  await evictDurableObject(ledger());
  for (let n = 0; n < 199; n += 1) await (await post('/status/400', `more-${n}`)).text();
  const all = await failures('?limit=200');
  expect(all).toHaveLength(200);
  expect(all.map(({ status }) => status).slice(-2)).toEqual([400, 504]);
  await runDurableObjectAlarm(ledger());
  await evictDurableObject(ledger());
  expect(await failures('?limit=200')).toEqual(all);
});

test('an execution shows method, path, trace and a short name of its caller, which two callers do not share', async () => {
  const traceparent = `00-${TRACE}-b7ad6b7169203331-01`;
  await (await post('/count/x?secret=1', 'key', { headers: { traceparent } })).text();
  const listed = v.parse(executionList, await (await operator('/executions')).json()).executions;
  expect(listed).toMatchObject([{ method: 'POST', path: '/count/x', traceId: TRACE }]);
  expect(listed[0]?.caller).toMatch(/^[\da-f]{4}$/);
});

test('each log line of a request carries its trace, its execution, its method and its path, and is JSON whatever the path', async () => {
  const lines: Record<string, unknown>[] = [];
  for (const level of ['info', 'warn', 'error'] as const) {
    vi.spyOn(console, level).mockImplementation((line) => lines.push(JSON.parse(line)));
  }
  const headers = { traceparent: `00-${TRACE}-b7ad6b7169203331-01` };
  await (await post('/judged/a"b\\c/spoiled/json?secret=1', 'key', { headers })).text();
  const id = (await failures('?route=/judged/*'))[0]?.id;
  const about = {
    execution: id,
    method: 'POST',
    traceId: TRACE,
    path: expect.stringContaining('/spoiled/json'),
  };
  expect(lines).toEqual([
    expect.objectContaining({ event: 'upstream-said-failed', ...about }),
    expect.objectContaining({ event: 'request', outcome: 'executed', status: 200, shard: 0, ...about }),
  ]);
  expect(JSON.stringify(lines)).not.toContain('secret');
});

test('a traceparent that is none is not taken for one', async () => {
  for (const traceparent of [
    '00-0-0-01',
    `00-${'0'.repeat(32)}-b7ad6b7169203331-01`,
    `ff-${TRACE}-b7ad6b7169203331-01`,
  ]) {
    await (await post('/status/500', traceparent, { headers: { traceparent } })).text();
  }
  expect((await failures()).map(({ traceId }) => traceId)).toEqual([null, null, null]);
});
