import { firstRun, OBJECT_GB, PRICE, priceOf, type Work, withAll } from '../cost-formula.ts';
import type { Day, DayOptions, Part } from '../workers/day/lived.ts';
import { SWING } from '../workers/day/lived.ts';
import { COUNTED, type Counts } from '../workers/day/tally.ts';
import { table } from './table.ts';

/** Ledger objects that have lived the same day, each with its own keys. */
export interface LivedDay {
  readonly options: DayOptions;
  readonly objects: readonly Day[];
}

/** A line of the comparison: a thing that is billed, by the formula and as it was counted. */
export interface Line {
  readonly what: string;
  /**
   * By the formula, with the executions of the whole time spread evenly over it; and with each part of it by
   * itself.
   */
  readonly byMean: number;
  readonly byParts: number;
  readonly counted: number;
  /** US dollars for one. */
  readonly price: number;
}

/**
 * bench/report/day.md: the comparison, what else happened, and what the formula says of a hundred times as
 * much.
 */
export function dayPage(day: LivedDay): string {
  const { options, objects } = day;
  const all = sum(partsOf(day));
  const lived = objects.length === options.shards ? 'all' : `${objects.length} of the`;
  return `\
Written by \`node bench/day.ts\`, seed ${options.seed}: ${lived} ${options.shards} ledger objects of a day of ${whole(options.requestsPerDay)} requests, after a day that
was not counted: ${whole(all.requests)} requests, ${whole(all.results)} results.

${comparison(compare(day))}

${happened(day, all)}

### A hundred times as much

${hundredfold(day, all)}
`;
}

/** What the formula says of the same day with a hundred times the requests. */
function hundredfold({ options, objects }: LivedDay, all: Counts): string {
  const TIMES = 100;
  const each = (times: number, shards: number) => {
    const results = (all.results / objects.length) * options.shards * times;
    const perSecond = results / shards / (options.countedMs / 1_000);
    const theCase = { ...caseOf(all, options), perSecond };
    const work = firstRun(theCase);
    const price = Object.values(priceOf(work)).reduce((total, dollars) => total + dollars, 0);
    return { results, perSecond, work, price };
  };
  const columns = [each(1, options.shards), each(TIMES, options.shards), each(TIMES, MANY_SHARDS)];
  const line = (what: string, value: (column: (typeof columns)[number]) => string) => [
    what,
    ...columns.map(value),
  ];
  const day = options.ttlMs / 1_000;
  return table(
    [
      '',
      ...[
        [1, options.shards],
        [TIMES, options.shards],
        [TIMES, MANY_SHARDS],
      ].map(([times, n]) => `× ${times}, ${n} objects`),
    ],
    [
      line('results a second in each object', ({ perSecond }) => perSecond.toFixed(1)),
      line('… in the busiest hour', ({ perSecond }) => (perSecond * (1 + SWING)).toFixed(1)),
      line('an object’s database after a TTL of a day, GB', ({ perSecond, work }) =>
        ((perSecond * day * work.ledgerByteSeconds) / day / 1e9).toFixed(1),
      ),
      line('time at work, %', ({ perSecond, work }) => (100 * perSecond * work.activeSeconds).toFixed(0)),
      line('rows written for a result', ({ work }) => work.rowsWritten.toFixed(2)),
      line('$ for a million results', ({ price }) => (price * 1e6).toFixed(2)),
      line('$ a day', ({ price, results }) => whole(price * results)),
    ],
  );
}

/** Of which each still has room in its database with a hundred times as much. */
const MANY_SHARDS = 512;

function comparison(lines: readonly Line[]): string {
  const rows = lines.map(({ what, byMean, byParts, counted, price }) => [
    what,
    whole(byMean),
    whole(byParts),
    whole(counted),
    percent(counted / byParts - 1),
    price === 0 ? '–' : (counted * price).toFixed(2),
  ]);
  const head = ['', 'formula, the day’s mean', 'formula, hour by hour', 'counted', 'differs by', '$'];
  return table(head, rows);
}

function happened({ objects }: LivedDay, all: Counts): string {
  const parts = objects.flatMap((object) => object.parts);
  const most = (of: (part: Part) => number) => Math.max(...parts.map(of));
  const violations = objects.flatMap((object) => object.violations);
  const rows: [string, string][] = [
    ['runs at the upstream', whole(all.runs)],
    ['… again after a failure', whole(all.runsAfterFailure)],
    ['… again after an outcome that nobody knows, under `retry`', whole(all.runsAfterUnknown)],
    ['… again after the object was lost, under `retry`', whole(all.runsAfterLoss)],
    ['… again after the TTL', whole(all.runsAfterTtl)],
    ['… that should not have been', whole(violations.length)],
    ['requests that a Worker answered from a lease', whole(all.fromLeases)],
    ['writes to KV that failed', whole(all.kvWritesFailed)],
    ['the largest database of an object, MB', whole(most((part) => part.databaseBytes) / 1e6)],
    ['the longest that a row was there past its TTL, s', whole(most((part) => part.overdueMs) / 1_000)],
    [
      'rows left when all TTLs had ended',
      whole(objects.reduce((rowsLeft, object) => rowsLeft + object.rowsLeft, 0)),
    ],
  ];
  return [...violations.map((violation) => `**${violation}**\n`), table(['', ''], rows)].join('\n');
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en').replaceAll(',', ' ');
}

function percent(share: number): string {
  return `${share < 0 ? '−' : '+'}${Math.abs(share * 100).toFixed(1)} %`;
}

/** Holds the formula of docs/cost.md against what was counted. */
export function compare(day: LivedDay): Line[] {
  const parts = partsOf(day);
  const all = sum(parts);
  const seconds = day.options.countedMs / 1_000;
  const byMean = predict(all, seconds, day);
  const byParts = parts.map((part) => predict(part, seconds / parts.length, day));
  const lines: [string, (work: Work) => number, number, number][] = [
    ['object requests', (work) => work.objectRequests, all.calls + all.alarms, PRICE.objectRequest],
    ['of them alarms', (work) => work.alarms, all.alarms, 0],
    ['rows written', (work) => work.rowsWritten, all.rowsWritten, PRICE.rowWritten],
    ['rows read', (work) => work.rowsRead, all.rowsRead, PRICE.rowRead],
    ['KV writes', (work) => work.kvWrites, all.kvWrites, PRICE.kvWrite],
    [
      'GB-s',
      (work) => work.activeSeconds * OBJECT_GB,
      (all.activeMs / 1_000) * OBJECT_GB,
      PRICE.objectGbSecond,
    ],
  ];
  const billed = lines.map(([what, of, counted, price]) => ({
    what,
    byMean: of(byMean),
    byParts: byParts.reduce((total, work) => total + of(work), 0),
    counted,
    price,
  }));
  return [...billed, stored(all, day)];
}

/** What is in the ledger's databases in the end, where all of it is of the counted time. */
function stored(all: Counts, { options, objects }: LivedDay): Line {
  const { bodyBytes, ttlSeconds } = caseOf(all, options);
  const { ledgerByteSeconds } = firstRun({ bodyBytes, ttlSeconds, upstreamSeconds: 0, perSecond: 1 });
  const rows = (all.results * options.ttlMs) / options.countedMs;
  const bytes = (rows * ledgerByteSeconds) / ttlSeconds;
  const counted = objects.reduce((sum, { parts }) => sum + (parts.at(-1)?.databaseBytes ?? 0), 0);
  return {
    what: 'MB in the ledger',
    byMean: bytes / 1e6,
    byParts: bytes / 1e6,
    counted: counted / 1e6,
    price: 0,
  };
}

/** What the formula says of so many executions in so many seconds, with what else happened. */
function predict(counts: Counts, seconds: number, { options, objects }: LivedDay): Work {
  const { results } = counts;
  const one = firstRun({ ...caseOf(counts, options), perSecond: results / seconds / objects.length });
  const besides = withAll(one, {
    asked: (counts.requests - counts.fromLeases + counts.leaseCalls) / results,
    refusing: counts.resultsRefusing / results,
    repeatedKeys: counts.repeatedKeys / results,
  });
  const work = Object.fromEntries(
    Object.entries(besides).map(([name, each]) => [name, each * results]),
  ) as unknown as Work;
  const large = 2 * counts.largeResults + 3 * counts.fullPieces;
  return { ...work, rowsWritten: work.rowsWritten + large };
}

/** Executions that are all like the mean of these. What is large is counted by itself. */
function caseOf(counts: Counts, options: DayOptions) {
  return {
    bodyBytes: (counts.resultBytes - counts.largeBytes) / (counts.results - counts.largeResults),
    ttlSeconds: options.ttlMs / 1_000,
    upstreamSeconds: counts.upstreamMs / 1_000 / counts.runs,
  };
}

/** Of all objects together, what each part counted. */
export function partsOf({ objects }: LivedDay): Counts[] {
  const parts = objects[0]?.parts.length ?? 0;
  return Array.from({ length: parts }, (_, n) =>
    sum(objects.map((object) => difference(object.parts[n]?.counts, object.parts[n - 1]?.counts))),
  );
}

function difference(now: Counts | undefined, before: Counts | undefined): Counts {
  return countsOf((name) => (now?.[name] ?? 0) - (before?.[name] ?? 0));
}

export function sum(all: readonly Counts[]): Counts {
  return countsOf((name) => all.reduce((total, counts) => total + counts[name], 0));
}

function countsOf(value: (name: keyof Counts) => number): Counts {
  return Object.fromEntries(COUNTED.map((name) => [name, value(name)])) as Counts;
}
