import { startBenchWorker, startOncegate } from '../contenders.ts';
import { jobOf, poolJob, type ScenarioName, type Target } from '../scenarios.ts';
import type { World } from '../world.ts';
import { median } from './statistics.ts';

export interface Latency {
  readonly name: string;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/**
 * How long one request takes where it is the only one, and the way to the upstream without anything between.
 */
export async function measureLatency(world: World, rounds: number, sliceMs: number): Promise<Latency[]> {
  const proxy = world.keep(await startBenchWorker(world, 'proxy'));
  const oncegate = world.keep(await startOncegate(world, 'tmpfs'));
  const onDisk = world.keep(await startOncegate(world, 'disk'));
  const target = (url: string): Target => ({ url, originUrl: world.origin.url, replayedHead: undefined });
  await world.load.run(poolJob('retry', target(oncegate.url)));
  const cases: readonly [string, string, ScenarioName][] = [
    ['direct', world.origin.url, 'first'],
    ['plain Worker proxy', proxy.url, 'first'],
    ['Oncegate, first run, tmpfs', oncegate.url, 'first'],
    ['Oncegate, first run, disk', onDisk.url, 'first'],
    ['Oncegate, replay', oncegate.url, 'retry'],
  ];
  const found = new Map<string, Latency[]>();
  for (let round = 0; round <= rounds; round += 1) {
    for (const [name, url, scenario] of cases) {
      const job = { ...jobOf(scenario, target(url), round, sliceMs), connections: 1 };
      const { p50Ms, p99Ms } = await world.load.run(job);
      if (round > 0) found.set(name, [...(found.get(name) ?? []), { name, p50Ms, p99Ms }]);
    }
  }
  for (const running of [proxy, oncegate, onDisk]) await running.stop();
  return [...found].map(([name, all]) => ({
    name,
    p50Ms: median(all.map((latency) => latency.p50Ms)),
    p99Ms: median(all.map((latency) => latency.p99Ms)),
  }));
}
