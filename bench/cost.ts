/**
 * Writes docs/cost.md: what a million executions and a million replays cost on Cloudflare at list prices, in this design
 * and with an object per key. The rows that an execution writes are counted in test/workers/ledger/cost.test.ts.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { PIECE_BYTES, piecesOf } from '../src/record/format.ts';
import { table } from './report/table.ts';

/** US dollars. */
const PRICE = {
  workerRequest: 0.3e-6,
  cpuMs: 0.02e-6,
  objectRequest: 0.15e-6,
  objectGbSecond: 12.5e-6,
  rowRead: 0.001e-6,
  rowWritten: 1e-6,
  kvWrite: 5e-6,
  kvRead: 0.5e-6,
  objectGbMonth: 0.2,
  kvGbMonth: 0.5,
};

/** An object is billed for 128 MB while it works, whatever it uses. */
const OBJECT_GB = 0.128;
const MONTH_SECONDS = 30 * 86_400;
const HOT_SECONDS = 300;
const SHARDS = 16;
/** What is to be done later in a busy object is done together, this often. */
const SWEEP_SECONDS = 8;
const WORKER_CPU_MS = 0.3;

/** The ledger's row, its index entry and what its page loses, in bytes; and the least that a database of its own takes. */
const ROW_BYTES = 2_100;
const DATABASE_BYTES = 20_480;

interface Case {
  readonly bodyBytes: number;
  readonly ttlSeconds: number;
  readonly upstreamSeconds: number;
  /** Executions a second on the whole route. */
  readonly perSecond: number;
}

interface Cost {
  readonly requests: number;
  readonly rows: number;
  readonly kv: number;
  readonly duration: number;
  readonly storage: number;
}

/** One first run in this design, its whole life long. */
function firstRun(c: Case): Cost {
  const perShard = c.perSecond / SHARDS;
  const fullPieces = Math.max(0, piecesOf(c.bodyBytes) - 1);
  const cooled = fullPieces > 0 ? 1 : 0;
  // One alarm writes down what is known, one removes, and one drops a large body. In a busy object one does it for all, and is set
  // twice: for the end of the oldest row, and by the next request for sooner.
  const alarms = Math.min(2 + cooled, 2 / (SWEEP_SECONDS * perShard));
  const counts = Math.min(1, 1 / (SWEEP_SECONDS * perShard));
  return {
    requests: PRICE.workerRequest + WORKER_CPU_MS * PRICE.cpuMs + (1 + alarms) * PRICE.objectRequest,
    rows: (3 + 2 * cooled + 3 * fullPieces + alarms + counts) * PRICE.rowWritten + 16 * PRICE.rowRead,
    kv: PRICE.kvWrite,
    duration: busySeconds(c.upstreamSeconds, perShard) * OBJECT_GB * PRICE.objectGbSecond,
    storage:
      stored(c.bodyBytes, cooled === 1 ? HOT_SECONDS : c.ttlSeconds, PRICE.objectGbMonth) +
      stored(ROW_BYTES, c.ttlSeconds, PRICE.objectGbMonth) +
      stored(c.bodyBytes, c.ttlSeconds, PRICE.kvGbMonth),
  };
}

/** The same where `RESULTS_FROM_BYTES` has the result stay in the ledger alone. */
function firstRunInLedgerAlone(c: Case): Cost {
  const cost = firstRun(c);
  return {
    ...cost,
    kv: 0,
    storage: stored(c.bodyBytes + ROW_BYTES, c.ttlSeconds, PRICE.objectGbMonth),
  };
}

/** One first run with an object per key: KV is asked and written; the object writes intent, result and an alarm. */
function firstRunPerKey(c: Case): Cost {
  const ROWS = 3 + 2;
  return {
    requests: PRICE.workerRequest + WORKER_CPU_MS * PRICE.cpuMs + 2 * PRICE.objectRequest,
    rows: ROWS * PRICE.rowWritten,
    kv: PRICE.kvRead + PRICE.kvWrite,
    duration: c.upstreamSeconds * OBJECT_GB * PRICE.objectGbSecond,
    storage:
      stored(DATABASE_BYTES + c.bodyBytes, c.ttlSeconds, PRICE.objectGbMonth) +
      stored(c.bodyBytes, c.ttlSeconds, PRICE.kvGbMonth),
  };
}

/** A shard that runs several executions at a time is paid once: its busy time, shared by those that begin in it. */
function busySeconds(upstreamSeconds: number, perSecond: number): number {
  return (1 - Math.exp(-perSecond * upstreamSeconds)) / perSecond;
}

function stored(bytes: number, seconds: number, gbMonth: number): number {
  return (bytes / 1e9) * (seconds / MONTH_SECONDS) * gbMonth;
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
  const cost = firstRun(c);
  const { requests, rows, kv, duration, storage } = cost;
  const small = c.bodyBytes <= PIECE_BYTES ? million(total(firstRunInLedgerAlone(c))) : '–';
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
    .replace('{{FIRST_RUNS}}', table(FIRST_RUN_COLUMNS, firstRuns))
    .replace('{{REPLAYS}}', table(['where the result is', 'together'], replays)),
);
execFileSync('biome', ['format', '--write', page.pathname], { stdio: 'ignore' });
