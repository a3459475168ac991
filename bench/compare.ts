/**
 * Before and after in one run: the gateway from several checkouts, in turn, round after round, with the plain Worker proxy.
 * `node bench/compare.ts [--rounds N] [--ms N] [--bytes N] [--base FOLDER] CHECKOUT…` prints the median rate and CPU time of
 * each kind of request, and the medians of their ratios to the first checkout in the same round: what else the machine does
 * falls on both, so that a ratio says more than two figures.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { startLoad } from './load.ts';
import type { LoadJob } from './load-job.ts';
import { median } from './measure/statistics.ts';
import { type Running, startScript } from './processes/child.ts';
import { cpuMicroseconds } from './processes/usage.ts';
import { jobOf, poolJob, type ScenarioName } from './scenarios.ts';
import { startWorker } from './workerd.ts';

const { values, positionals } = parseArgs({
  options: {
    rounds: { type: 'string', default: '12' },
    ms: { type: 'string', default: '500' },
    bytes: { type: 'string', default: '1024' },
    base: { type: 'string', default: '/dev/shm' },
  },
  allowPositionals: true,
});

interface Entrant {
  readonly name: string;
  readonly running: Running;
  readonly kinds: readonly ScenarioName[];
}

interface Figure {
  readonly perSecond: number;
  readonly cpuMicros: number;
}

const folder = mkdtempSync(`${values.base}/oncegate-compare-`);
const origin = await startScript(new URL('processes/origin.ts', import.meta.url));
const kv = await startScript(new URL('processes/kv.ts', import.meta.url));
const load = await startLoad();
const vars = { UPSTREAM_URL: origin.url };

const proxy = await startWorker({
  entry: new URL('workers/proxy.ts', import.meta.url),
  folder: `${folder}/proxy`,
  kvUrl: kv.url,
  vars,
});
const entrants: Entrant[] = [{ name: 'plain Worker proxy', running: proxy, kinds: ['first', 'bypass'] }];
for (const [n, checkout] of positionals.entries()) {
  const running = await startWorker({
    entry: pathToFileURL(resolve(checkout, 'src/index.ts')),
    folder: `${folder}/${n}`,
    objects: { binding: 'LEDGER', className: 'Ledger' },
    kvUrl: kv.url,
    vars,
  });
  entrants.push({ name: checkout, running, kinds: ['first', 'retry', 'storm', 'bypass'] });
  for (const kind of ['retry', 'storm'] as const)
    await load.run(sized(running, poolJob(kind, target(running))));
}

const figures = new Map<string, Figure[]>();
for (let round = 0; round <= Number(values.rounds); round += 1) {
  for (const { name, running, kinds } of entrants) {
    for (const kind of kinds) {
      const before = cpuMicroseconds(running.pid);
      const job = jobOf(kind, target(running), round, Number(values.ms));
      const { perSecond, requests } = await load.run(sized(running, job));
      const cpuMicros = (cpuMicroseconds(running.pid) - before) / requests;
      // The first round warms up.
      if (round > 0) figures.set(`${name} ${kind}`, [...figuresOf(name, kind), { perSecond, cpuMicros }]);
    }
  }
}

const [first = ''] = positionals;
for (const { name, kinds } of entrants) {
  for (const kind of kinds) {
    const own = figuresOf(name, kind);
    const base = figuresOf(first, kind);
    const middle = (of: (figure: Figure) => number) => median(own.map(of)).toFixed(0).padStart(6);
    const ratio = (of: (figure: Figure) => number) =>
      median(own.map((figure, n) => of(figure) / of(base[n] ?? figure))).toFixed(2);
    const rate = `${middle((figure) => figure.perSecond)} req/s × ${ratio((figure) => figure.perSecond)}`;
    const cpu = `${middle((figure) => figure.cpuMicros)} µs CPU × ${ratio((figure) => figure.cpuMicros)}`;
    console.log(`${name.padEnd(28)} ${kind.padEnd(6)} ${rate} ${cpu}`);
  }
}

for (const running of [...entrants.map((entrant) => entrant.running), origin, kv]) await running.stop();
load.stop();
rmSync(folder, { recursive: true });

function target({ url }: Running) {
  return { url, originUrl: origin.url, replayedHead: undefined };
}

function sized({ url }: Running, job: LoadJob): LoadJob {
  return { ...job, url: `${url}/json/${values.bytes}` };
}

function figuresOf(name: string, kind: ScenarioName): Figure[] {
  return figures.get(`${name} ${kind}`) ?? [];
}
