import { createExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { expect, test } from 'vitest';
import { parseConfig } from '../../../src/config.ts';
import { gatewayOf } from '../../../src/gateway.ts';
import { recordEvent } from '../../../src/operator/events.ts';
import { GATE } from './gate.ts';

function dataset() {
  const points: AnalyticsEngineDataPoint[] = [];
  return {
    points,
    writeDataPoint: (point?: AnalyticsEngineDataPoint) => void points.push(point ?? {}),
  };
}

test('each keyed request leaves a data point where EVENTS is bound', async () => {
  const events = dataset();
  const bound = { ...env, EVENTS: events };
  const context = createExecutionContext();
  const send = (headers: HeadersInit) =>
    gatewayOf(bound).fetch(new Request(`${GATE}/count/x`, { method: 'POST', headers }), bound, context);
  await send({ 'idempotency-key': 'key-of-the-events' });
  await send({ 'idempotency-key': 'key-of-the-events' });
  await send({});
  expect(events.points).toEqual([
    { indexes: ['/*'], blobs: ['/*', 'executed', '200', '0'], doubles: [expect.any(Number)] },
    { indexes: ['/*'], blobs: ['/*', 'replayed', '200', '0'], doubles: [expect.any(Number)] },
    { indexes: ['/*'], blobs: ['/*', 'key-missing', '400', ''], doubles: [expect.any(Number)] },
  ]);
});

test('an index is no longer than Analytics Engine takes', () => {
  const events = dataset();
  recordEvent(events, { route: `/${'x'.repeat(200)}`, outcome: 'executed', status: 200, shard: 0, ms: 1 });
  expect(events.points[0]?.indexes?.[0]).toHaveLength(96);
});

test('EVENTS that is no Analytics Engine binding is a bad setting', () => {
  const result = parseConfig({
    LEDGER: { getByName() {} },
    RESULTS: { getWithMetadata() {} },
    UPSTREAM_URL: 'https://api.example',
    EVENTS: 'events',
  });
  expect(result).toMatchObject({ ok: false, bad: [{ setting: 'EVENTS' }] });
});
