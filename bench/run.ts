/**
 * The benchmark: everybody in turn in one run. `--quick` takes under a minute and is for development;
 * `--write-docs` writes what was found into docs/benchmarks.md and its chart.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { contenders, installPeers } from './contenders.ts';
import { measureBodies } from './measure/bodies.ts';
import { measureLatency } from './measure/latency.ts';
import { measureStoredKeys } from './measure/stored-keys.ts';
import { measureFirstByte, measureIdleStreams } from './measure/streams.ts';
import { measureThroughput } from './measure/throughput.ts';
import { chart } from './report/chart.ts';
import { page } from './report/page.ts';
import { tables } from './report/tables.ts';
import { machine, type Results, versions } from './results.ts';
import { createWorld } from './world.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

const FULL = {
  rounds: 5,
  sliceMs: 1_500,
  latencyMs: 1_500,
  streams: 500,
  idleStreams: 1_000,
  storedKeys: [1_000, 100_000, 1_000_000],
  bodies: [KIB, 64 * KIB, MIB, 20 * MIB],
  bodyMs: 1_200,
} as const;

const QUICK = {
  rounds: 2,
  sliceMs: 200,
  latencyMs: 150,
  streams: 60,
  idleStreams: 200,
  storedKeys: [1_000, 50_000],
  bodies: [KIB, MIB],
  bodyMs: 200,
} as const;

const { values: options } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, 'write-docs': { type: 'boolean', default: false } },
});
const plan = options.quick ? QUICK : FULL;

installPeers();
const startedAt = Date.now();
const world = await createWorld();
try {
  const { present, missing } = contenders();
  const say = (what: string) => process.stderr.write(`${what}\n`);
  say('throughput');
  const throughput = await measureThroughput(world, present, plan.rounds, plan.sliceMs);
  say('latency');
  const latency = await measureLatency(world, 3, plan.latencyMs);
  say('streams');
  const firstByte = await measureFirstByte(world, plan.streams);
  const memory = await measureIdleStreams(world, plan.idleStreams);
  say('stored keys');
  const storedKeys = await measureStoredKeys(world, plan.storedKeys, plan.rounds, plan.sliceMs);
  say('bodies');
  const bodies = await measureBodies(world, plan.bodies, 3, plan.bodyMs);
  const results: Results = {
    setting: {
      command: `npm run bench${options.quick ? ' -- --quick' : ''}`,
      date: new Date(startedAt).toISOString().slice(0, 10),
      minutes: (Date.now() - startedAt) / 60_000,
      rounds: plan.rounds,
      sliceMs: plan.sliceMs,
      machine: machine(),
      versions: versions(),
    },
    missing,
    throughput,
    latency,
    firstByte,
    memory,
    storedKeys,
    bodies,
  };
  process.stdout.write(`${tables(results)}\n`);
  if (options['write-docs']) {
    const docs = new URL('../docs/', import.meta.url);
    writeFileSync(new URL('benchmarks.md', docs), page(results));
    writeFileSync(new URL('benchmarks.svg', docs), chart(results));
    execFileSync('biome', ['format', '--write', new URL('benchmarks.md', docs).pathname], {
      stdio: 'ignore',
    });
  }
} finally {
  await world.end();
}
