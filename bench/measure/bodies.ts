import { LEDGER_LIMIT_MAX_BYTES, startBenchWorker, startLedgerLimit, startOncegate } from '../contenders.ts';
import type { LoadJob } from '../load-job.ts';
import { jobOf, poolJob } from '../scenarios.ts';
import type { World } from '../world.ts';
import { median } from './statistics.ts';

export interface BodyFigure {
  readonly bytes: number;
  readonly name: string;
  readonly perSecond: number;
  readonly mbPerSecond: number;
  readonly p50Ms: number;
}

const CONNECTIONS = 4;

/** Responses of different sizes: through the plain proxy, on their first run, and replayed. */
export async function measureBodies(
  world: World,
  sizes: readonly number[],
  rounds: number,
  sliceMs: number,
): Promise<BodyFigure[]> {
  const proxy = world.keep(await startBenchWorker(world, 'proxy'));
  const ledger = world.keep(await startLedgerLimit(world, 'tmpfs', 'retry'));
  const oncegate = world.keep(await startOncegate(world, 'tmpfs'));
  const found: BodyFigure[] = [];
  for (const bytes of sizes) {
    const figures = new Map<string, BodyFigure[]>();
    const target = (url: string) => ({ url, originUrl: '', replayedHead: undefined });
    // Sizes have keys of their own.
    const ofSize = (job: LoadJob): LoadJob => ({
      ...job,
      connections: CONNECTIONS,
      keys: job.keys && { ...job.keys, prefix: `${bytes}-${job.keys.prefix}` },
    });
    const cases: [name: string, url: string, scenario: 'first' | 'retry'][] = [
      ['plain Worker proxy', proxy.url, 'first'],
      ['Oncegate, first run', oncegate.url, 'first'],
      ['Oncegate, replay', oncegate.url, 'retry'],
    ];
    if (bytes <= LEDGER_LIMIT_MAX_BYTES) {
      cases.push(
        ['Limit: ledger, first run', ledger.url, 'first'],
        ['Limit: ledger, replay', ledger.url, 'retry'],
      );
    }
    for (const [, url, scenario] of cases) {
      if (scenario === 'retry') await world.load.run(ofSize(poolJob('retry', target(url), bytes)));
    }
    for (let round = 0; round <= rounds; round += 1) {
      for (const [name, url, scenario] of cases) {
        const job = jobOf(scenario, target(url), round, sliceMs, bytes);
        const result = await world.load.run(ofSize(job));
        if (round === 0) continue;
        figures.set(name, [
          ...(figures.get(name) ?? []),
          {
            bytes,
            name,
            perSecond: result.perSecond,
            mbPerSecond: result.bytesPerSecond / 1e6,
            p50Ms: result.p50Ms,
          },
        ]);
      }
    }
    for (const [name, all] of figures) {
      found.push({
        bytes,
        name,
        perSecond: median(all.map((figure) => figure.perSecond)),
        mbPerSecond: median(all.map((figure) => figure.mbPerSecond)),
        p50Ms: median(all.map((figure) => figure.p50Ms)),
      });
    }
  }
  for (const running of [proxy, ledger, oncegate]) await running.stop();
  return found;
}
