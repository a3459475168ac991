/**
 * Before and after in one run: the gateway from several checkouts, in turn, round after round.
 * `node bench/compare.ts [--rounds N] [--ms N] [--bytes N] [--base FOLDER] CHECKOUT…` prints the median rate and, since it suffers
 * least from what else the machine does, the least CPU time a request, each with its ratio to the first.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { startLoad } from './load.ts';
import type { LoadJob } from './load-job.ts';
import { type Running, startScript } from './processes/child.ts';
import { cpuMicroseconds } from './processes/usage.ts';
import { startWorker } from './workerd.ts';

const { values, positionals } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    ms: { type: 'string', default: '1500' },
    bytes: { type: 'string', default: '1024' },
    base: { type: 'string', default: '/dev/shm' },
  },
  allowPositionals: true,
});
const folder = mkdtempSync(`${values.base}/oncegate-compare-`);
const origin = await startScript(new URL('processes/origin.ts', import.meta.url));
const kv = await startScript(new URL('processes/kv.ts', import.meta.url));
const load = await startLoad();

const KINDS = ['proxy', 'first', 'replay', 'bypass'] as const;
const runs = new Map<string, number[]>();
const cpus = new Map<string, number[]>();
const gateways: [string, Running][] = [];
for (const [n, checkout] of positionals.entries()) {
  gateways.push([
    checkout,
    await startWorker({
      entry: pathToFileURL(resolve(checkout, 'src/index.ts')),
      folder: `${folder}/${n}`,
      objects: { binding: 'LEDGER', className: 'Ledger' },
      kvUrl: kv.url,
      vars: { UPSTREAM_URL: origin.url },
    }),
  ]);
}

const proxy = await startWorker({
  entry: new URL('workers/proxy.ts', import.meta.url),
  folder: `${folder}/proxy`,
  kvUrl: kv.url,
  vars: { UPSTREAM_URL: origin.url },
});
gateways.unshift(['proxy', proxy]);

function job(kind: (typeof KINDS)[number], url: string, round: number, ms: number): LoadJob {
  return {
    url: `${url}/json/${values.bytes}`,
    method: kind === 'bypass' ? 'GET' : 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer x' },
    connections: 16,
    maxMs: ms,
    maxRequests: Number.MAX_SAFE_INTEGER,
    keys: {
      header: 'idempotency-key',
      prefix: `round-${round}-`,
      ...(kind === 'replay' ? { pool: Number(values.bytes) > 65_536 ? 16 : 300 } : {}),
    },
    body: kind === 'bypass' ? null : { bytes: 1024, kind: 'json' },
    expect: { status: 200, ...(kind === 'replay' ? { head: 'idempotent-replayed: true' } : {}) },
  };
}

for (let round = 0; round <= Number(values.rounds); round += 1) {
  for (const [name, { url, pid }] of gateways) {
    for (const kind of name === 'proxy' ? (['proxy'] as const) : (['first', 'replay', 'bypass'] as const)) {
      const before = cpuMicroseconds(pid);
      const { perSecond, requests } = await load.run(
        job(kind, url, round, Number(values.ms) * (kind === 'first' ? 1 : 0.6)),
      );
      const cpu = (cpuMicroseconds(pid) - before) / requests;
      if (round > 0) cpus.set(`${name} ${kind}`, [...(cpus.get(`${name} ${kind}`) ?? []), cpu]);
      // The first round warms up.
      if (round > 0) runs.set(`${name} ${kind}`, [...(runs.get(`${name} ${kind}`) ?? []), perSecond]);
    }
  }
}

const median = (numbers: readonly number[]) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? 0;
const [[first = ''] = []] = gateways.slice(1);
for (const [name, numbers] of runs) {
  const kind = name.split(' ').at(-1);
  const rate = median(numbers);
  const cpu = Math.min(...(cpus.get(name) ?? []));
  const base = `${first} ${kind}`;
  const rates = rate / median(runs.get(base) ?? numbers);
  const cpuRatio = cpu / Math.min(...(cpus.get(base) ?? [cpu]));
  console.log(
    `${name.padEnd(28)} ${rate.toFixed(0).padStart(6)} req/s × ${rates.toFixed(2)}   ${cpu.toFixed(0).padStart(5)} µs CPU × ${cpuRatio.toFixed(2)}`,
  );
}

for (const [, gateway] of gateways) await gateway.stop();
for (const running of [origin, kv]) await running.stop();
load.stop();
rmSync(folder, { recursive: true });
