import { reset, runDurableObjectAlarm } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import parsePrometheus from 'parse-prometheus-text-format';
import { afterEach, expect, test } from 'vitest';
import { parseConfig } from '../../../src/config.ts';
import { noTotals } from '../../../src/counters.ts';
import { metricsText } from '../../../src/operator/metrics.ts';
import { operator, post } from './gate.ts';

afterEach(() => reset());

function sampleOf(text: string, name: string, labels: Record<string, string>): number | undefined {
  const family = parsePrometheus(text).find((candidate) => candidate.name === name);
  const wanted = JSON.stringify(labels);
  const sample = family?.metrics.find((metric) => JSON.stringify(metric.labels) === wanted);
  return sample === undefined ? undefined : Number(sample.value);
}

test('a run, a replay and a reused key are told to Prometheus', async () => {
  await post('/count/x', 'key');
  await post('/count/x', 'key');
  await post('/count/x', 'key', { body: 'another request' });
  await runDurableObjectAlarm(env.LEDGER.getByName('/*:0'));
  const response = await operator('/metrics');
  const text = await response.text();

  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  const route = '/*';
  expect(sampleOf(text, 'oncegate_runs_total', { route })).toBe(1);
  expect(sampleOf(text, 'oncegate_run_results_total', { route, result: 'recorded' })).toBe(1);
  expect(sampleOf(text, 'oncegate_run_results_total', { route, result: 'failed' })).toBe(0);
  expect(sampleOf(text, 'oncegate_replays_total', { route })).toBe(1);
  expect(sampleOf(text, 'oncegate_refusals_total', { route, reason: 'key-reused' })).toBe(1);
  expect(sampleOf(text, 'oncegate_replayed_bytes_total', { route })).toBeGreaterThan(0);
  expect(sampleOf(text, 'oncegate_in_flight', { route })).toBe(0);
});

test('each metric has its help, its type and samples', async () => {
  const families = parsePrometheus(await (await operator('/metrics')).text());
  expect(families.length).toBeGreaterThan(10);
  for (const { name, help, type, metrics } of families) {
    expect(help, name).not.toBe('');
    expect(type, name).toBe(name.endsWith('_total') ? 'COUNTER' : 'GAUGE');
    expect(metrics.length, name).toBeGreaterThan(0);
  }
});

function summaryOf(path: string, unanswered: number[] = []) {
  const result = parseConfig({
    LEDGER: { getByName() {} },
    RESULTS: { getWithMetadata() {} },
    ROUTES: [{ path, upstream: 'https://api.example' }],
  });
  const [route] = result.ok ? result.config.routes : [];
  if (route === undefined) throw new Error('the route is not valid');
  return {
    route,
    totals: { ...noTotals(), runs: 7 },
    minutes: [],
    running: 0,
    unknown: 0,
    unanswered: unanswered.map((number) => ({ route, number })),
  };
}

test('a route with special characters keeps them', () => {
  const text = metricsText([summaryOf('/say/"hello"\\:name')]);
  expect(sampleOf(text, 'oncegate_runs_total', { route: '/say/"hello"\\:name' })).toBe(7);
});

test('a route that was not answered for in full has no counters, rather than ones that went back', () => {
  const text = metricsText([summaryOf('/whole'), summaryOf('/part', [3])]);
  expect(sampleOf(text, 'oncegate_runs_total', { route: '/whole' })).toBe(7);
  expect(sampleOf(text, 'oncegate_runs_total', { route: '/part' })).toBeUndefined();
  expect(sampleOf(text, 'oncegate_ledger_shards_unanswered', { route: '/part' })).toBe(1);
});
