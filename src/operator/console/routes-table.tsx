/** @module A table of routes. Runs in: the Worker. */

import { sumOf, type Totals } from '../../counters.ts';
import { countText, durationText } from '../../format.ts';
import { type HistogramName, quantile } from '../../histogram.ts';
import { prevented, type RouteSummary } from '../summary.ts';
import { CONSOLE } from './page.tsx';
import { type Column, ScrollingTable } from './table.tsx';

interface Row extends Pick<RouteSummary, 'route' | 'running' | 'unknown'> {
  readonly counts: Totals;
}

const PERCENTILES = [50, 95, 99] as const;

const COUNTS: readonly Column<Row>[] = [
  {
    name: 'Route',
    isHeader: true,
    cell: ({ route: { path } }) => (
      <a href={`${CONSOLE}/executions?route=${encodeURIComponent(path)}`}>
        <code class="path">{path}</code>
      </a>
    ),
  },
  { name: 'Sent', isNumber: true, cell: ({ counts }) => countText(counts.runs) },
  { name: 'Prevented', isNumber: true, cell: ({ counts }) => countText(prevented(counts)) },
  { name: 'Failed', isNumber: true, cell: ({ counts }) => countText(counts.failed) },
  { name: 'Key reused', isNumber: true, cell: ({ counts }) => countText(counts.keyReused) },
  { name: 'In flight', isNumber: true, cell: ({ running }) => countText(running) },
  {
    name: 'Unknown',
    isNumber: true,
    cell: ({ unknown }) => countText(unknown),
    alarms: ({ unknown }) => unknown > 0,
  },
];

const TIMES: readonly Column<Row>[] = [
  { name: 'Route', isHeader: true, cell: ({ route: { path } }) => <code class="path">{path}</code> },
  ...percentiles('Upstream', 'upstream'),
  ...percentiles('Added', 'added'),
];

/** One row for each route: what went through it in a span of time, its state now, and how long that took. */
export function RoutesTable({ summaries, span }: { summaries: readonly RouteSummary[]; span: string }) {
  const rows = summaries.map(({ route, minutes, running, unknown }) => {
    return { route, running, unknown, counts: sumOf(minutes.map(({ counts }) => counts)) };
  });
  return (
    <section id="routes" data-live>
      <h2>Routes, {span}</h2>
      <ScrollingTable label="Routes" columns={COUNTS} rows={rows} />
      <h2>How long it took, {span}</h2>
      <ScrollingTable label="How long it took" columns={TIMES} rows={rows} />
      <p class="lede small-print">
        Percentiles of what was recorded: the upstream to the end of its response, and what the ledger object
        added to that, to write it down above all.
      </p>
    </section>
  );
}

function percentiles(name: string, histogram: HistogramName): Column<Row>[] {
  return PERCENTILES.map((percentile) => ({
    name: `${name} p${percentile}`,
    isNumber: true,
    cell: ({ counts }) => {
      const ms = quantile(histogram, counts, percentile / 100);
      return ms === null ? '–' : durationText(ms);
    },
  }));
}
