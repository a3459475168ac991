/**
 * What executions cost on Cloudflare: how much of each thing that is billed, and its price. docs/cost.md is
 * made of it, and `bench/day.ts` holds it against a day that is counted.
 */
import { piecesOf } from '../src/record/format.ts';

/** US dollars. */
export const PRICE = {
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
export const OBJECT_GB = 0.128;
export const WORKER_CPU_MS = 0.3;
const MONTH_SECONDS = 30 * 86_400;
const HOT_SECONDS = 300;
export const SHARDS = 16;

/**
 * What is to be done later in a busy object is done together, this often: five seconds after the last time,
 * or eight where nothing ends that long. Counted by `bench/day.ts`.
 */
const SWEEP_SECONDS = 5.5;
/**
 * What a result takes in the ledger besides its body, in bytes: its row, its index entry, and what its page
 * loses.
 */
const ROW_BYTES = 1_050;
/** Until KV has a result, the object is at work: an assumption, as the time is Cloudflare's. */
export const KV_WRITE_SECONDS = 0.15;
/** In a table of many. One of less than a thousand rows is looked through more often. */
const ROWS_READ = 6.5;
const ROWS_READ_BY_REPLAY = 3;

/** Executions that are alike. */
export interface Case {
  readonly bodyBytes: number;
  readonly ttlSeconds: number;
  readonly upstreamSeconds: number;
  /** Executions a second in each ledger object. */
  readonly perSecond: number;
}

/** What one execution makes of what is billed, its whole life long. */
export interface Work {
  /** Each is a request when it comes, and a row when it is set. */
  readonly alarms: number;
  readonly objectRequests: number;
  readonly rowsRead: number;
  readonly rowsWritten: number;
  readonly kvWrites: number;
  readonly activeSeconds: number;
  /** Bytes times seconds. */
  readonly ledgerByteSeconds: number;
  readonly kvByteSeconds: number;
}

/** One first run in this design. */
export function firstRun(c: Case): Work {
  const { perSecond, ttlSeconds, bodyBytes } = c;
  const fullPieces = Math.max(0, piecesOf(bodyBytes) - 1);
  const cooled = fullPieces > 0 ? 1 : 0;
  // One alarm writes down what is known, one removes, and one drops a large body. In a busy object one does
  // it for all.
  const alarms = 1 / (SWEEP_SECONDS * perSecond + 1 / (2 + cooled));
  const counts = Math.min(1, alarms);
  const inLedgerSeconds = cooled === 1 ? HOT_SECONDS : ttlSeconds;
  return {
    alarms,
    objectRequests: 1 + alarms,
    rowsRead: ROWS_READ,
    rowsWritten: 3 + 2 * cooled + 3 * fullPieces + alarms + counts,
    kvWrites: 1,
    activeSeconds: busySeconds(c.upstreamSeconds + KV_WRITE_SECONDS, perSecond),
    ledgerByteSeconds: ROW_BYTES * ttlSeconds + bodyBytes * inLedgerSeconds,
    kvByteSeconds: bodyBytes * ttlSeconds,
  };
}

/** The same where `RESULTS_FROM_BYTES` has the result stay in the ledger alone. */
export function firstRunInLedgerAlone(c: Case): Work {
  const { bodyBytes, ttlSeconds, upstreamSeconds, perSecond } = c;
  return {
    ...firstRun(c),
    kvWrites: 0,
    activeSeconds: busySeconds(upstreamSeconds, perSecond),
    ledgerByteSeconds: (ROW_BYTES + bodyBytes) * ttlSeconds,
    kvByteSeconds: 0,
  };
}

/**
 * A shard that runs several executions at a time is paid once: its busy time, shared by those that begin in
 * it.
 */
function busySeconds(seconds: number, perSecond: number): number {
  return (1 - Math.exp(-perSecond * seconds)) / perSecond;
}

/** US dollars for one, by what they are paid for. */
export function priceOf(work: Work) {
  const gbMonths = (byteSeconds: number) => byteSeconds / 1e9 / MONTH_SECONDS;
  return {
    requests: PRICE.workerRequest + WORKER_CPU_MS * PRICE.cpuMs + work.objectRequests * PRICE.objectRequest,
    rows: work.rowsWritten * PRICE.rowWritten + work.rowsRead * PRICE.rowRead,
    kv: work.kvWrites * PRICE.kvWrite,
    duration: work.activeSeconds * OBJECT_GB * PRICE.objectGbSecond,
    storage:
      gbMonths(work.ledgerByteSeconds) * PRICE.objectGbMonth + gbMonths(work.kvByteSeconds) * PRICE.kvGbMonth,
  };
}

/** What a day holds besides first runs, for each of them. */
export interface Besides {
  /**
   * Calls to the ledger for each execution that recorded a result: the first among them, and those that count
   * a lease's replays.
   */
  readonly asked: number;
  /** Of the executions, the share under `refuse`. */
  readonly refusing: number;
  /** Keys that came again, for each execution. */
  readonly repeatedKeys: number;
}

/**
 * The same with all that comes besides: what {@link firstRun} says of one that nothing happens to, and
 * docs/cost.md of the rest.
 */
export function withAll(work: Work, { asked, refusing, repeatedKeys }: Besides): Work {
  return {
    ...work,
    objectRequests: asked + work.alarms,
    rowsRead: work.rowsRead + (asked - 1) * ROWS_READ_BY_REPLAY,
    rowsWritten: work.rowsWritten + refusing + 2 * repeatedKeys,
  };
}
