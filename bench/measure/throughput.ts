import type { Contender } from '../contenders.ts';
import type { Running } from '../processes/child.ts';
import { jobOf, poolJob, runsPerRequest, type ScenarioName, type Target } from '../scenarios.ts';
import type { World } from '../world.ts';
import { measureSlice, type Runs, type Slice } from './slice.ts';
import { median } from './statistics.ts';

export interface Throughput {
  readonly contender: string;
  readonly storage: Contender['storage'];
  readonly scenario: ScenarioName;
  /** Medians over the rounds. */
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU time of the contender's own process for each request, in microseconds. */
  readonly cpuMicros: number;
}

interface Entrant {
  readonly contender: Contender;
  readonly running: Running;
  readonly target: Target;
}

/**
 * Requests a second of everybody, in turn, round after round, so that what else the machine does falls on all
 * alike.
 */
export async function measureThroughput(
  world: World,
  contenders: readonly Contender[],
  rounds: number,
  sliceMs: number,
): Promise<Throughput[]> {
  const entrants: Entrant[] = [];
  for (const contender of contenders) entrants.push(await enter(world, contender));

  const figures = new Map<string, Slice[]>();
  // The first round warms up and is not counted.
  for (let round = 0; round <= rounds; round += 1) {
    for (const entrant of entrants) {
      for (const scenario of entrant.contender.scenarios) {
        const figure = await slice(world, entrant, scenario, round, sliceMs);
        const name = nameOf(entrant.contender, scenario);
        if (round > 0) figures.set(name, [...(figures.get(name) ?? []), figure]);
      }
    }
    process.stderr.write(`  round ${round} of ${rounds}\n`);
  }
  for (const { running } of entrants) await running.stop();
  return contenders.flatMap((contender) =>
    contender.scenarios.map((scenario) => {
      const all = figures.get(nameOf(contender, scenario)) ?? [];
      return {
        contender: contender.name,
        storage: contender.storage,
        scenario,
        perSecond: median(all.map((figure) => figure.perSecond)),
        p50Ms: median(all.map((figure) => figure.p50Ms)),
        p99Ms: median(all.map((figure) => figure.p99Ms)),
        cpuMicros: median(all.map((figure) => figure.cpuMicros)),
      };
    }),
  );
}

function nameOf({ name, storage }: Contender, scenario: ScenarioName): string {
  return JSON.stringify([name, storage, scenario]);
}

async function enter(world: World, contender: Contender): Promise<Entrant> {
  const running = world.keep(await contender.start(world));
  const target = { url: running.url, originUrl: world.origin.url, replayedHead: contender.replayedHead };
  for (const scenario of ['retry', 'storm'] as const) {
    if (contender.scenarios.includes(scenario)) await world.load.run(poolJob(scenario, target));
  }
  return { contender, running, target };
}

async function slice(world: World, entrant: Entrant, scenario: ScenarioName, round: number, maxMs: number) {
  const { contender, running, target } = entrant;
  const job = jobOf(scenario, target, round, maxMs);
  return measureSlice(world, running, job, runsOf(contender, scenario)).catch((error) => {
    throw new Error(`${contender.name} on ${contender.storage}, ${scenario}`, { cause: error });
  });
}

function runsOf({ name }: Contender, scenario: ScenarioName): Runs {
  if (name.includes('static')) return { exactly: 0 };
  if (scenario !== 'joined') return { exactly: runsPerRequest[scenario] };
  // A proxy knows no keys.
  return name.includes('proxy') ? 'any' : { about: runsPerRequest.joined };
}
