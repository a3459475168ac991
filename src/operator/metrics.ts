/** @module The counters for Prometheus. Runs in: the Worker. */

import { version } from '../../package.json';
import type { Counter } from '../counters.ts';
import { bucketsOf, type HistogramName } from '../histogram.ts';
import type { RouteSummary } from './summary.ts';

interface Metric {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly samples: readonly Sample[];
}

interface Sample {
  /** The ending of the metric's name: `_bucket`, `_sum` or `_count` of a histogram. */
  readonly suffix?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** What Prometheus reads. */
export const METRICS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/**
 * The counters as Prometheus text (exposition format 0.0.4). A route one of whose ledger objects did not
 * answer has no counters this time: a sum that lacks a part would look like a counter that was reset.
 */
export function metricsText(summaries: readonly RouteSummary[]): string {
  return `${metricsOf(summaries).flatMap(linesOf).join('\n')}\n`;
}

function metricsOf(summaries: readonly RouteSummary[]): Metric[] {
  const whole = summaries.filter(({ unanswered }) => unanswered.length === 0);
  const counter = (name: string, help: string, from: Counter, scale = 1): Metric => ({
    name,
    type: 'counter',
    help,
    samples: whole.map((summary) => ({
      labels: { route: summary.route.path },
      value: summary.totals[from] * scale,
    })),
  });
  const labelled = (
    name: string,
    help: string,
    label: string,
    from: Readonly<Record<string, Counter>>,
  ): Metric => ({
    name,
    type: 'counter',
    help,
    samples: whole.flatMap((summary) =>
      Object.entries(from).map(([value, key]) => ({
        labels: { route: summary.route.path, [label]: value },
        value: summary.totals[key],
      })),
    ),
  });
  const gauge = (
    name: string,
    help: string,
    of: readonly RouteSummary[],
    value: (summary: RouteSummary) => number,
  ): Metric => ({
    name,
    type: 'gauge',
    help,
    samples: of.map((summary) => ({ labels: { route: summary.route.path }, value: value(summary) })),
  });

  return [
    {
      name: 'oncegate_build_info',
      type: 'gauge',
      help: 'Always 1; the label is the version that answers.',
      samples: [{ labels: { version }, value: 1 }],
    },
    counter('oncegate_runs_total', 'Requests sent upstream under a key.', 'runs'),
    labelled('oncegate_run_results_total', 'What became of the requests sent upstream.', 'result', {
      recorded: 'recorded',
      failed: 'failed',
      unknown: 'unknown',
      'not-recorded': 'tooLarge',
    }),
    counter(
      'oncegate_cancelled_total',
      'Requests sent upstream that were ended because all of their clients had left. They are unknown too.',
      'cancelled',
    ),
    counter('oncegate_replays_total', 'Requests answered with a recorded response.', 'replays'),
    counter('oncegate_joins_total', 'Requests that joined a running one.', 'joins'),
    labelled('oncegate_refusals_total', 'Requests refused by the ledger, by reason.', 'reason', {
      'key-reused': 'keyReused',
      'in-progress': 'inProgress',
      'outcome-unknown': 'outcomeUnknown',
      'not-recorded': 'notRecorded',
      'record-damaged': 'recordDamaged',
      'caller-limit': 'overLimit',
      'ledger-full': 'ledgerFull',
    }),
    counter('oncegate_replayed_bytes_total', 'Bytes of replayed response bodies.', 'replayedBytes'),
    counter(
      'oncegate_upstream_seconds_total',
      'Time the upstream took for what was recorded.',
      'upstreamMs',
      0.001,
    ),
    counter(
      'oncegate_upstream_seconds_saved_total',
      'Time the upstream would have taken again for what was replayed.',
      'savedMs',
      0.001,
    ),
    histogramOf(
      'oncegate_upstream_duration_seconds',
      'How long the upstream took for what was recorded, to the end of its response.',
      'upstream',
      'upstreamMs',
      whole,
    ),
    histogramOf(
      'oncegate_added_duration_seconds',
      'What the ledger object took beside that: until the request was sent, and until its response was durable.',
      'added',
      'addedMs',
      whole,
    ),
    {
      name: 'oncegate_operator_logins_refused_total',
      type: 'counter',
      help: 'Attempts to log in as the operator: with a wrong token, or turned away after too many of them.',
      // They belong to no route, and are counted in the ledger of the first.
      samples: summaries.slice(0, 1).flatMap(({ totals, unanswered }) =>
        unanswered.length > 0
          ? []
          : [
              { labels: { reason: 'wrong-token' }, value: totals.loginsFailed },
              { labels: { reason: 'turned-away' }, value: totals.loginsTurnedAway },
            ],
      ),
    },
    gauge('oncegate_in_flight', 'Requests running upstream now.', whole, ({ running }) => running),
    gauge(
      'oncegate_unknown_outcomes',
      'Executions whose outcome is unknown now, and that refuse retries or wait for one.',
      whole,
      ({ unknown }) => unknown,
    ),
    gauge('oncegate_ledger_shards', 'Ledger objects of the route.', summaries, ({ route }) => route.shards),
    gauge(
      'oncegate_ledger_shards_unanswered',
      'Ledger objects that did not answer this time.',
      summaries,
      ({ unanswered }) => unanswered.length,
    ),
  ];
}

/** Prometheus has each bucket include the faster ones. */
function histogramOf(
  name: string,
  help: string,
  histogram: HistogramName,
  sum: Counter,
  summaries: readonly RouteSummary[],
): Metric {
  const samples = summaries.flatMap(({ route: { path: route }, totals }): Sample[] => {
    let count = 0;
    const buckets = bucketsOf(histogram).map(({ bucket, upToMs }) => {
      count += totals[bucket];
      const le = upToMs === Number.POSITIVE_INFINITY ? '+Inf' : String(upToMs / 1000);
      return { suffix: '_bucket', labels: { route, le }, value: count };
    });
    return [
      ...buckets,
      { suffix: '_sum', labels: { route }, value: totals[sum] / 1000 },
      { suffix: '_count', labels: { route }, value: count },
    ];
  });
  return { name, type: 'histogram', help, samples };
}

function linesOf({ name, type, help, samples }: Metric): string[] {
  if (samples.length === 0) return [];
  return [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${type}`,
    ...samples.map(({ suffix = '', labels, value }) => `${name}${suffix}{${labelText(labels)}} ${value}`),
  ];
}

function labelText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escaped(value)}"`)
    .join(',');
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
