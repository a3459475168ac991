import { evictDurableObject, reset, runDurableObjectAlarm } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import parsePrometheus from 'parse-prometheus-text-format';
import { afterEach, expect, test } from 'vitest';
import dashboard from '../../../docs/grafana-dashboard.json';
import { parseConfig } from '../../../src/config.ts';
import { noTotals } from '../../../src/counters.ts';
import { quantile } from '../../../src/histogram.ts';
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
    const expected = name.endsWith('_total') ? 'COUNTER' : name.endsWith('_seconds') ? 'HISTOGRAM' : 'GAUGE';
    expect(type, name).toBe(expected);
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

test('how long the upstream took is a histogram, whose buckets hold one another and add up', async () => {
  const text = metricsText([
    {
      ...summaryOf('/x'),
      totals: {
        ...noTotals(),
        upstreamUpTo100: 3,
        upstreamUpTo250: 1,
        upstreamAbove: 1,
        upstreamMs: 900_500,
      },
    },
  ]);
  const bucket = (le: string) =>
    new RegExp(`^oncegate_upstream_duration_seconds_bucket\\{route="/x",le="${le}"\\} (\\d+)$`, 'm').exec(
      text,
    )?.[1];
  expect(['0.05', '0.1', '0.25', '300', '\\+Inf'].map(bucket)).toEqual(['0', '3', '4', '4', '5']);
  expect(text).toContain('oncegate_upstream_duration_seconds_sum{route="/x"} 900.5\n');
  expect(text).toContain('oncegate_upstream_duration_seconds_count{route="/x"} 5\n');
});

test('a run is in both histograms, and what is written down of them outlives the object', async () => {
  await (await post('/slow/x', 'key')).text();
  await runDurableObjectAlarm(env.LEDGER.getByName('/*:0'));
  await evictDurableObject(env.LEDGER.getByName('/*:0'));
  const text = await (await operator('/metrics')).text();
  expect(text).toContain('oncegate_upstream_duration_seconds_count{route="/*"} 1\n');
  expect(text).toMatch(/oncegate_upstream_duration_seconds_bucket\{route="\/\*",le="0.1"\} 0\n/);
  expect(text).toContain('oncegate_added_duration_seconds_count{route="/*"} 1\n');
});

test('what is too large to be recorded is in neither histogram', async () => {
  await (await post(`/bytes/${26 * 1024 * 1024}`, 'key')).arrayBuffer();
  await runDurableObjectAlarm(env.LEDGER.getByName('/*:0'));
  const text = await (await operator('/metrics')).text();
  expect(text).toContain('oncegate_run_results_total{route="/*",result="not-recorded"} 1\n');
  expect(text).toContain('oncegate_upstream_duration_seconds_count{route="/*"} 0\n');
  expect(text).toContain('oncegate_added_duration_seconds_count{route="/*"} 0\n');
});

test.each([
  ['nothing', {}, 0.5, null],
  ['one bucket, in its middle', { upstreamUpTo10: 2 }, 0.5, 7.5],
  ['the last of several', { upstreamUpTo5: 98, upstreamUpTo250: 2 }, 0.99, 175],
  ['what has no bound', { upstreamAbove: 1 }, 0.99, 300_000],
])('a percentile of %s is told as far as buckets tell it', (_, counts, part, expected) => {
  expect(quantile('upstream', { ...noTotals(), ...counts }, part)).toBe(expected);
});

test('the Grafana dashboard asks for metrics and labels that there are', async () => {
  await post('/count/x', 'key');
  const text = await (await operator('/metrics')).text();
  const queries = [
    ...dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
    ...dashboard.templating.list.map(({ query }) => (typeof query === 'string' ? query : query.query)),
  ].filter((query) => query !== 'prometheus');
  expect(queries.length).toBeGreaterThan(15);
  const labels = new Set([...text.matchAll(/(\w+)="/g)].map(([, label]) => label));
  for (const query of queries) {
    const names = [...query.matchAll(/oncegate_\w+/g)].map(([name]) => name);
    expect(names.length, query).toBeGreaterThan(0);
    for (const name of names) expect(text, query).toMatch(new RegExp(`^${name}\\{`, 'm'));
    for (const [, by = ''] of query.matchAll(/sum by \(([^)]*)\)/g)) {
      for (const label of by.split(', ')) expect(labels, query).toContain(label);
    }
  }
});
