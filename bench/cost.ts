/**
 * Writes docs/cost.md: what a million executions and a million replays cost on Cloudflare at list prices, in
 * this design and with an object per key. The rows that an execution writes are counted in
 * test/workers/ledger/cost.test.ts.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { PIECE_BYTES } from '../src/record/format.ts';
import {
  firstRun,
  firstRunInLedgerAlone,
  KV_WRITE_SECONDS,
  OBJECT_GB,
  PRICE,
  priceOf,
  SHARDS,
  WORKER_CPU_MS,
} from './cost-formula.ts';
import { table } from './report/table.ts';

interface Case {
  readonly bodyBytes: number;
  readonly ttlSeconds: number;
  readonly upstreamSeconds: number;
  /** Executions a second on the whole route. */
  readonly perSecond: number;
}

type Cost = ReturnType<typeof priceOf>;

/** The least that a database of its own takes, in bytes. */
const DATABASE_BYTES = 20_480;

/**
 * One first run with an object per key: KV is asked and written; the object writes intent, result and an
 * alarm.
 */
function firstRunPerKey({ bodyBytes, ttlSeconds, upstreamSeconds }: Case): Cost {
  const cost = priceOf({
    alarms: 1,
    objectRequests: 2,
    rowsRead: 0,
    rowsWritten: 3 + 2,
    kvWrites: 1,
    activeSeconds: upstreamSeconds + KV_WRITE_SECONDS,
    ledgerByteSeconds: (DATABASE_BYTES + bodyBytes) * ttlSeconds,
    kvByteSeconds: bodyBytes * ttlSeconds,
  });
  return { ...cost, kv: cost.kv + PRICE.kvRead };
}

function total(cost: Cost): number {
  return cost.requests + cost.rows + cost.kv + cost.duration + cost.storage;
}

const KIB = 1024;
const DAY = 86_400;
const TYPICAL: Case = { bodyBytes: KIB, ttlSeconds: DAY, upstreamSeconds: 0.2, perSecond: 100 };

const CASES: readonly [string, Case][] = [
  ['1 KiB, 1 day, 0.2 s', TYPICAL],
  ['the same, 1 request a minute', { ...TYPICAL, perSecond: 1 / 60 }],
  ['100 KiB, 1 day, 0.2 s', { ...TYPICAL, bodyBytes: 100 * KIB }],
  ['1 MiB, 1 day, 0.2 s', { ...TYPICAL, bodyBytes: KIB * KIB }],
  ['20 MiB, 1 day, 0.2 s', { ...TYPICAL, bodyBytes: 20 * KIB * KIB }],
  ['1 KiB, 30 days, 0.2 s', { ...TYPICAL, ttlSeconds: 30 * DAY }],
  ['4 KiB, 1 day, 10 s (an LLM)', { ...TYPICAL, bodyBytes: 4 * KIB, upstreamSeconds: 10 }],
  ['4 KiB, 1 day, 60 s (an LLM)', { ...TYPICAL, bodyBytes: 4 * KIB, upstreamSeconds: 60 }],
];

const FIRST_RUN_COLUMNS = [
  'body, TTL, upstream',
  'requests',
  'rows',
  'KV',
  'duration',
  'storage',
  '**together**',
  'in the ledger alone¹',
  'object per key',
];

const million = (dollars: number) => (dollars * 1e6).toFixed(2);

const firstRuns = CASES.map(([name, c]) => {
  const each = { ...c, perSecond: c.perSecond / SHARDS };
  const cost = priceOf(firstRun(each));
  const { requests, rows, kv, duration, storage } = cost;
  const small = c.bodyBytes <= PIECE_BYTES ? million(total(priceOf(firstRunInLedgerAlone(each)))) : '–';
  const cells = [requests, rows, kv, duration, storage, total(cost)].map(million);
  return [name, ...cells, small, million(total(firstRunPerKey(c)))];
});

const common = PRICE.workerRequest + WORKER_CPU_MS * PRICE.cpuMs;
const HOT_MS = 5;
const asked = PRICE.objectRequest + (HOT_MS / 1000) * OBJECT_GB * PRICE.objectGbSecond;
const replays = [
  ['hot, from the ledger', common + asked + 3 * PRICE.rowRead],
  ['from KV, after the ledger was asked', common + asked + PRICE.rowRead + PRICE.kvRead],
  ['with an object per key (KV first)', common + PRICE.kvRead],
].map(([name, cost]) => [String(name), million(Number(cost))]);

const text = readFileSync(new URL('report/cost.md', import.meta.url), 'utf8');
const page = new URL('../docs/cost.md', import.meta.url);
writeFileSync(
  page,
  text
    .replace('{{DAY}}', readFileSync(new URL('report/day.md', import.meta.url), 'utf8').trim())
    .replace('{{FIRST_RUNS}}', table(FIRST_RUN_COLUMNS, firstRuns))
    .replace('{{REPLAYS}}', table(['where the result is', 'together'], replays)),
);
execFileSync('biome', ['format', '--write', page.pathname], { stdio: 'ignore' });
