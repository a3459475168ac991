/**
 * Before and after in one run: the gateway from several checkouts, in turn, round after round, with the plain
 * Worker proxy and the least that a ledger does. `npx node bench/compare.ts [OPTIONS] CHECKOUT…` prints the
 * median rate and CPU time of each kind of request, and the medians of their ratios in the same round to the
 * first checkout (before) and to the limit: what else the machine does falls on all, so that a ratio says
 * more than two figures.
 *
 *     --kinds first,retry,storm,bypass   of these, `joined` and `reused`, as bench/scenarios.ts has them
 *     --policy retry|refuse              UNKNOWN_OUTCOME; under `refuse` the limit commits twice, too
 *     --bytes N                          size of the responses
 *     --base FOLDER                      where storage goes; the default is memory
 *     --rounds N, --ms N                 and how long each turn takes
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { LEDGER_LIMIT_MAX_BYTES, type UnknownOutcome } from './contenders.ts';
import { startLoad } from './load.ts';
import { measureSlice, type Slice } from './measure/slice.ts';
import { median } from './measure/statistics.ts';
import { type Running, startScript } from './processes/child.ts';
import { table } from './report/table.ts';
import { jobOf, poolJob, runsPerRequest, type ScenarioName } from './scenarios.ts';
import { startWorker, type WorkerOptions } from './workerd.ts';

const KINDS = ['first', 'retry', 'storm', 'joined', 'reused', 'bypass'] as const;
type Kind = (typeof KINDS)[number];

const { values, positionals } = parseArgs({
  options: {
    rounds: { type: 'string', default: '12' },
    ms: { type: 'string', default: '500' },
    bytes: { type: 'string', default: '1024' },
    base: { type: 'string', default: '/dev/shm' },
    kinds: { type: 'string', default: 'first,retry,storm,bypass' },
    policy: { type: 'string', default: 'retry' },
  },
  allowPositionals: true,
});
const bytes = Number(values.bytes);
const asked = values.kinds.split(',').map((name) => oneOf(KINDS, name, '--kinds'));
const policy = oneOf<UnknownOutcome>(['retry', 'refuse'], values.policy, '--policy');

interface Entrant {
  readonly name: string;
  readonly running: Running;
  readonly kinds: readonly Kind[];
  /** A replay says in its head that it is one. */
  readonly replayedHead: string | undefined;
}

/** What each kind is measured by; a lease or a refusal has no such limit. */
const PROXY = 'Limit: plain Worker proxy';
const LEDGER = policy === 'retry' ? 'Limit: ledger' : 'Limit: ledger, two commits';
const LIMITS: Partial<Record<Kind, string>> = { first: LEDGER, retry: LEDGER, bypass: PROXY };

const folder = mkdtempSync(`${values.base}/oncegate-compare-`);
const started: Running[] = [];
const keep = (running: Running) => {
  started.push(running);
  return running;
};
const origin = keep(await startScript(new URL('processes/origin.ts', import.meta.url)));
const load = await startLoad();
const entrants: Entrant[] = [];
const figures = new Map<string, Slice[]>();

try {
  await enter(PROXY, ['first', 'bypass'], { entry: new URL('workers/proxy.ts', import.meta.url), vars: {} });
  if (bytes <= LEDGER_LIMIT_MAX_BYTES) {
    await enter(LEDGER, ['first', 'retry'], {
      entry: new URL('workers/ledger.ts', import.meta.url),
      vars: { COMMITS: policy === 'retry' ? '1' : '2' },
    });
  }
  for (const checkout of positionals) {
    const entry = pathToFileURL(resolve(checkout, 'src/index.ts'));
    await enter(checkout, KINDS, { entry, vars: { UNKNOWN_OUTCOME: policy } }, 'idempotent-replayed: true');
  }
  for (let round = 0; round <= Number(values.rounds); round += 1) {
    for (const kind of KINDS) {
      // Those of a kind right after each other, and each of them as often before the other as after it.
      for (const entrant of round % 2 === 0 ? entrants : entrants.toReversed()) {
        if (!entrant.kinds.includes(kind)) continue;
        const figure = await slice(entrant, kind, round);
        // The first round warms up.
        if (round > 0) figures.set(`${entrant.name} ${kind}`, [...figuresOf(entrant.name, kind), figure]);
      }
    }
  }
  console.log(report());
} finally {
  load.stop();
  for (const running of started) await running.stop();
  rmSync(folder, { recursive: true });
}

/** Starts a Worker with a KV of its own, and records what it is to replay. */
async function enter(
  name: string,
  kinds: readonly Kind[],
  { entry, vars }: Pick<WorkerOptions, 'entry' | 'vars'>,
  replayedHead?: string,
): Promise<void> {
  const kv = keep(await startScript(new URL('processes/kv.ts', import.meta.url)));
  const worker = {
    entry,
    folder: `${folder}/${entrants.length}`,
    kvUrl: kv.url,
    vars: { UPSTREAM_URL: origin.url, ...vars },
    ...(name === PROXY ? {} : { objects: { binding: 'LEDGER', className: 'Ledger' } }),
  };
  const running = keep(await startWorker(worker));
  const entrant = { name, running, kinds: kinds.filter((kind) => asked.includes(kind)), replayedHead };
  entrants.push(entrant);
  if (entrant.kinds.includes('retry')) await load.run(poolJob('retry', targetOf(entrant), bytes));
  if (entrant.kinds.some((kind) => kind === 'storm' || kind === 'reused')) {
    await load.run(poolJob('storm', targetOf(entrant), bytes));
  }
}

async function slice(entrant: Entrant, kind: Kind, round: number): Promise<Slice> {
  // A turn is short: that every key is asked for once, before it is replayed again and again, would be most
  // of it.
  if (kind === 'storm') await load.run(poolJob('storm', targetOf(entrant), bytes));
  const job = jobOf(kind, targetOf(entrant), round, Number(values.ms), bytes);
  const perRequest = runsPerRequest[kind];
  const runs = kind === 'joined' ? { about: perRequest } : { exactly: perRequest };
  return measureSlice({ load, origin }, entrant.running, job, runs).catch((error) => {
    throw new Error(`${entrant.name}, ${kind}`, { cause: error });
  });
}

function targetOf({ running: { url }, replayedHead }: Entrant) {
  return { url, originUrl: origin.url, replayedHead };
}

function report(): string {
  const [base] = positionals;
  const rows = KINDS.flatMap((kind) =>
    entrants
      .filter(({ kinds }) => kinds.includes(kind))
      .map(({ name }) => {
        const own = figuresOf(name, kind);
        const column = (of: (figure: Slice) => number) => [
          median(own.map(of)).toFixed(0),
          ratio(own, figuresOf(base, kind), of),
          ratio(own, figuresOf(LIMITS[kind], kind), of),
        ];
        return [
          name,
          kind,
          ...column((figure) => figure.perSecond),
          ...column((figure) => figure.cpuMicros),
          median(own.map((figure) => figure.mbPerSecond)).toFixed(1),
        ];
      }),
  );
  const ofBase = 'of before';
  const ofLimit = 'of limit';
  return table(['', 'request', 'req/s', ofBase, ofLimit, 'CPU µs', ofBase, ofLimit, 'MB/s'], rows);
}

function ratio(own: readonly Slice[], others: readonly Slice[], of: (figure: Slice) => number): string {
  const ratios = own.flatMap((figure, n) => {
    const other = others[n];
    return other === undefined ? [] : [of(figure) / of(other)];
  });
  return ratios.length === 0 ? '–' : median(ratios).toFixed(2);
}

function figuresOf(name: string | undefined, kind: ScenarioName): Slice[] {
  return figures.get(`${name} ${kind}`) ?? [];
}

function oneOf<T extends string>(allowed: readonly T[], name: string, option: string): T {
  const found = allowed.find((candidate) => candidate === name);
  if (found === undefined) throw new Error(`${option} knows ${allowed.join(', ')}, not ${name}`);
  return found;
}
