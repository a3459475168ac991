import { startBenchWorker, startOncegate } from '../contenders.ts';
import { jobOf, type Target } from '../scenarios.ts';
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
const POOL_KEYS = 4;

/** Responses of different sizes: through the plain proxy, on their first run, and replayed. */
export async function measureBodies(
  world: World,
  sizes: readonly number[],
  rounds: number,
  sliceMs: number,
): Promise<BodyFigure[]> {
  const proxy = world.keep(await startBenchWorker(world, 'proxy'));
  const oncegate = world.keep(await startOncegate(world, 'tmpfs'));
  const found: BodyFigure[] = [];
  for (const bytes of sizes) {
    const figures = new Map<string, BodyFigure[]>();
    for (let round = 0; round <= rounds; round += 1) {
      for (const [name, url, scenario] of [
        ['plain Worker proxy', proxy.url, 'first'],
        ['Oncegate, first run', oncegate.url, 'first'],
        ['Oncegate, replay', oncegate.url, 'replay'],
      ] as const) {
        const target: Target = { url, originUrl: '', replayedHead: undefined };
        const job = jobOf(scenario, target, round, sliceMs);
        const result = await world.load.run({
          ...job,
          url: `${url}/json/${bytes}`,
          connections: CONNECTIONS,
          keys: {
            header: 'idempotency-key',
            prefix: `${scenario}-${bytes}-${scenario === 'first' ? round : ''}-`,
            ...(scenario === 'replay' ? { pool: POOL_KEYS } : {}),
          },
        });
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
  for (const running of [proxy, oncegate]) await running.stop();
  return found;
}
