/** @module The first page: is it working, and what did it save. Runs in: the Worker. */

import { noTotals, sumOf, type Totals } from '../../counters.ts';
import { bytesText, countText, durationText } from '../../format.ts';
import { MINUTE_MS } from '../../time.ts';
import type { ExecutionList } from '../schemas.ts';
import { mergeMinutes, minuteOf, prevented, type RouteSummary } from '../summary.ts';
import { type Bar, Chart, heightOf } from './chart.tsx';
import { ExecutionTable } from './execution-table.tsx';
import { CONSOLE } from './page.tsx';
import { Unanswered } from './parts.tsx';
import { RoutesTable } from './routes-table.tsx';

/** How far back the overview looks, and how many minutes one bar of its chart covers. */
export const WINDOWS = {
  '1h': { name: 'last hour', minutes: 60, minutesPerBar: 1 },
  '6h': { name: 'last 6 hours', minutes: 360, minutesPerBar: 5 },
  '24h': { name: 'last 24 hours', minutes: 1_440, minutesPerBar: 20 },
} as const;

/** How far back. */
export type WindowName = keyof typeof WINDOWS;

/** Whether it is the name of one. */
export function isWindowName(name: string): name is WindowName {
  return Object.hasOwn(WINDOWS, name);
}

/** The minute in which the first bar begins. */
export function firstMinute(windowName: WindowName, now: number): number {
  const { minutes, minutesPerBar } = WINDOWS[windowName];
  const lastBar = Math.floor(minuteOf(now) / minutesPerBar) * minutesPerBar;
  return lastBar + minutesPerBar - minutes;
}

/** Is it working, what is going on, and what did it save. */
export function Overview(props: {
  summaries: readonly RouteSummary[];
  recent: Pick<ExecutionList, 'executions' | 'unanswered'>;
  windowName: WindowName;
  origin: string;
  now: number;
}) {
  const { summaries, recent, windowName, origin, now } = props;
  const bars = barsOf(summaries, windowName, now);
  const counts = sumOf(bars.map((bar) => bar.counts));
  const answered = summaries.some(({ route, unanswered }) => unanswered.length < route.shards);
  const { name: span, minutesPerBar } = WINDOWS[windowName];
  return (
    <>
      <div class="headline">
        <h1>Overview</h1>
        <nav aria-label="Time span" class="choice">
          {Object.entries(WINDOWS).map(([key, { name }]) => (
            <a href={`?window=${key}`} {...(key === windowName ? { 'aria-current': 'true' as const } : {})}>
              {name}
            </a>
          ))}
        </nav>
      </div>
      <div id="alerts" data-live>
        <Unanswered
          shards={summaries.flatMap(({ unanswered }) =>
            unanswered.map(({ route, number }) => ({ route: route.path, shard: number })),
          )}
        />
        <Guesses counts={counts} span={span} />
      </div>
      <Figures summaries={summaries} counts={counts} span={span} answered={answered} />
      <section id="traffic" data-live aria-label={`Traffic of the ${span}`}>
        {!answered ? (
          <p class="empty">Nothing can be said of the traffic until the ledger answers.</p>
        ) : heightOf(counts) === 0 ? (
          <Quiet origin={origin} span={span} />
        ) : (
          <Chart bars={bars} minutesPerBar={minutesPerBar} now={now} />
        )}
      </section>
      <RoutesTable summaries={summaries} span={span} />
      <Recent recent={recent} now={now} />
    </>
  );
}

function Figures(props: {
  summaries: readonly RouteSummary[];
  counts: Totals;
  span: string;
  answered: boolean;
}) {
  const { summaries, counts, span, answered } = props;
  const running = summaries.reduce((sum, summary) => sum + summary.running, 0);
  const unknown = summaries.reduce((sum, summary) => sum + summary.unknown, 0);
  const shown = answered ? countText : () => '–';
  return (
    <dl id="figures" class="figures" data-live>
      <div class="hero">
        <dt>Duplicates prevented</dt>
        <dd>{shown(prevented(counts))}</dd>
        <dd class="note">
          {shown(counts.replays)} replayed, {shown(counts.joins)} joined,{' '}
          {shown(prevented(counts) - counts.replays - counts.joins)} refused
        </dd>
      </div>
      <div>
        <dt>Sent upstream</dt>
        <dd>{shown(counts.runs)}</dd>
        <dd class="note">{shown(counts.recorded)} recorded</dd>
      </div>
      <div>
        <dt>In flight now</dt>
        <dd>{shown(running)}</dd>
        <dd class="note">
          <a href={`${CONSOLE}/executions?state=running`}>show them</a>
        </dd>
      </div>
      <div class={unknown > 0 ? 'alarm' : ''}>
        <dt>Unknown now</dt>
        <dd>{shown(unknown)}</dd>
        <dd class="note">
          {unknown > 0 ? (
            <a href={`${CONSOLE}/executions?state=unknown`}>look into them</a>
          ) : (
            `${shown(counts.unknown)} in the ${span}`
          )}
        </dd>
      </div>
      <div>
        <dt>Failed</dt>
        <dd>{shown(counts.failed)}</dd>
        <dd class="note">
          <a href={`${CONSOLE}/failures`}>show them</a>
        </dd>
      </div>
      <div>
        <dt>Upstream time saved</dt>
        <dd>{answered ? durationText(counts.savedMs) : '–'}</dd>
        <dd class="note">{answered ? bytesText(counts.replayedBytes) : '–'} replayed</dd>
      </div>
    </dl>
  );
}

function Recent(props: { recent: Pick<ExecutionList, 'executions' | 'unanswered'>; now: number }) {
  const { recent, now } = props;
  return (
    <section id="recent" data-live>
      <div class="headline">
        <h2>Newest executions</h2>
        <a href={`${CONSOLE}/executions`}>all executions</a>
      </div>
      {recent.executions.length === 0 ? (
        <p class="empty">
          {recent.unanswered.length > 0
            ? 'None was found where it could be looked for.'
            : 'None is known. An execution appears here as soon as it begins.'}
        </p>
      ) : (
        <ExecutionTable executions={recent.executions} now={now} />
      )}
    </section>
  );
}

/** Says that somebody has tried wrong tokens. */
function Guesses({ counts: { loginsFailed, loginsTurnedAway }, span }: { counts: Totals; span: string }) {
  if (loginsFailed + loginsTurnedAway === 0) return null;
  return (
    <p class="notice">
      <strong>
        {loginsFailed === 1 ? '1 wrong token was' : `${countText(loginsFailed)} wrong tokens were`} tried in
        the {span},
      </strong>{' '}
      and {countText(loginsTurnedAway)} more {loginsTurnedAway === 1 ? 'attempt was' : 'attempts were'} turned
      away. The log says from where: <code>operator-login-failed</code>.
    </p>
  );
}

function Quiet({ origin, span }: { origin: string; span: string }) {
  return (
    <div class="empty">
      <p>No request with a key has come in the {span}. Send one twice, and see the second replayed:</p>
      <pre>{`curl -i ${origin}/ -d hello -H 'Idempotency-Key: my-first-key'`}</pre>
      <p>Counts appear here within twenty seconds.</p>
    </div>
  );
}

function barsOf(summaries: readonly RouteSummary[], windowName: WindowName, now: number): Bar[] {
  const { minutes, minutesPerBar } = WINDOWS[windowName];
  const first = firstMinute(windowName, now);
  const inWindow = mergeMinutes(summaries.map((summary) => summary.minutes));
  const byBar = Map.groupBy(inWindow, ({ minute }) => Math.floor((minute - first) / minutesPerBar));
  return Array.from({ length: minutes / minutesPerBar }, (_, index) => ({
    startMs: (first + index * minutesPerBar) * MINUTE_MS,
    counts: sumOf(byBar.get(index)?.map(({ counts }) => counts) ?? [noTotals()]),
  }));
}
