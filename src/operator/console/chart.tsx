/** @module The chart of requests over time. Runs in: the Worker. */

import type { Totals } from '../../counters.ts';
import { clockText, countText } from '../../format.ts';
import { Clock } from './parts.tsx';
import { type Column, ScrollingTable } from './table.tsx';

/** One bar: what came in a span of time. */
export interface Bar {
  readonly startMs: number;
  readonly counts: Totals;
}

/**
 * The parts of a bar, from the bottom up. Each request with a key that reached the ledger is in one of them.
 */
export const SERIES = [
  {
    name: 'sent upstream',
    className: 'sent',
    of: (c: Totals) => Math.max(0, c.runs - c.failed - c.unknown),
  },
  { name: 'failed or unknown', className: 'bad', of: (c: Totals) => c.failed + c.unknown },
  { name: 'replayed or joined', className: 'prevented', of: (c: Totals) => c.replays + c.joins },
  {
    name: 'refused',
    className: 'refused',
    of: (c: Totals) =>
      c.keyReused +
      c.inProgress +
      c.outcomeUnknown +
      c.notRecorded +
      c.recordDamaged +
      c.overLimit +
      c.ledgerFull,
  },
] as const;

const HEIGHT = 100;
const BAR_WIDTH = 10;
const BAR_GAP = 2;
const X_LABELS = 4;

/**
 * Stacked bars, drawn on the server so that they need no script. Only the bars are SVG, and they stretch with
 * the page; the words around them are text and keep their size. Screen readers get the table below instead.
 */
export function Chart({
  bars,
  minutesPerBar,
  now,
}: {
  bars: readonly Bar[];
  minutesPerBar: number;
  now: number;
}) {
  const highest = Math.max(...bars.map(({ counts }) => heightOf(counts)));
  const top = niceTop(highest);
  const width = bars.length * BAR_WIDTH;
  const every = Math.ceil(bars.length / X_LABELS);
  return (
    <figure class="chart">
      <figcaption>
        <span>Requests per {minutesPerBar === 1 ? 'minute' : `${minutesPerBar} minutes`}</span>
        <ul class="legend">
          {SERIES.map(({ name, className }) => (
            <li>
              <svg width="10" height="10" aria-hidden="true">
                <rect width="10" height="10" rx="2" class={className} />
              </svg>
              {name}
            </li>
          ))}
        </ul>
      </figcaption>
      <div class="plot" aria-hidden="true">
        <div class="y">
          <span>{countText(top)}</span>
          <span>{countText(top / 2)}</span>
          <span>0</span>
        </div>
        <svg viewBox={`0 0 ${width} ${HEIGHT}`} preserveAspectRatio="none" class="bars" aria-hidden="true">
          {[0, 0.5, 1].map((part) => (
            <line x1="0" x2={width} y1={HEIGHT * part} y2={HEIGHT * part} class="grid" />
          ))}
          {bars.map((bar, index) => (
            <Stack bar={bar} x={index * BAR_WIDTH} top={top} />
          ))}
        </svg>
        <svg class="x" aria-hidden="true">
          {bars.map(({ startMs }, index) =>
            index % every === 0 ? (
              <text
                x={percent((index + 0.5) / bars.length)}
                y="1em"
                class={index === 0 ? 'first' : undefined}
              >
                <tspan class="clock" data-at={new Date(startMs).toISOString()}>
                  {clockText(startMs, now).slice(-8, -3)}
                </tspan>
              </text>
            ) : null,
          )}
          <text x={percent((bars.length - 0.5) / bars.length)} y="1em" class="last">
            now
          </text>
        </svg>
      </div>
      <details>
        <summary>The figures</summary>
        <Figures bars={bars} now={now} />
      </details>
    </figure>
  );
}

function Stack({ bar, x, top }: { bar: Bar; x: number; top: number }) {
  let below = 0;
  return (
    <g>
      <title>{SERIES.map(({ name, of }) => `${of(bar.counts)} ${name}`).join(', ')}</title>
      <rect x={x} y="0" width={BAR_WIDTH} height={HEIGHT} class="hover" />
      {SERIES.map(({ className, of }) => {
        const height = (of(bar.counts) / top) * HEIGHT;
        if (height === 0) return null;
        below += height;
        return (
          <rect
            x={x + BAR_GAP / 2}
            y={(HEIGHT - below).toFixed(2)}
            width={BAR_WIDTH - BAR_GAP}
            height={height.toFixed(2)}
            class={className}
          />
        );
      })}
    </g>
  );
}

function Figures({ bars, now }: { bars: readonly Bar[]; now: number }) {
  const columns: Column<Bar>[] = [
    {
      name: 'From',
      isHeader: true,
      cell: ({ startMs }) => <Clock at={new Date(startMs).toISOString()} now={now} />,
    },
    ...SERIES.map(({ name, of }) => ({
      name,
      isNumber: true,
      cell: ({ counts }: Bar) => countText(of(counts)),
    })),
  ];
  const busy = bars.filter(({ counts }) => heightOf(counts) > 0).reverse();
  return <ScrollingTable label="The figures" columns={columns} rows={busy} />;
}

/** How high a bar is, in requests. */
export function heightOf(counts: Totals): number {
  return SERIES.reduce((sum, { of }) => sum + of(counts), 0);
}

/** A place along the chart, shared by the bars and the words under them. */
function percent(part: number): string {
  return `${(part * 100).toFixed(2)}%`;
}

/** The next of 2, 4, 10, 20, 40, 100 … : half of it is a whole number too. */
function niceTop(highest: number): number {
  for (let scale = 1; ; scale *= 10) {
    for (const step of [2, 4, 10]) {
      if (step * scale >= highest) return step * scale;
    }
  }
}
