import { startBenchWorker, startOncegate } from '../contenders.ts';
import { jobOf, RETRY_KEYS } from '../scenarios.ts';
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
/** Keys enough that none is one that was just replayed; a large response is never kept for that. */
const poolKeys = (bytes: number) => (bytes <= 64 * 1024 ? RETRY_KEYS : 4);

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
    const jobFor = (url: string, scenario: 'first' | 'retry', round: number) => ({
      ...jobOf(scenario, { url, originUrl: '', replayedHead: undefined }, round, sliceMs),
      url: `${url}/json/${bytes}`,
      connections: CONNECTIONS,
      keys: {
        header: 'idempotency-key',
        prefix: `${scenario}-${bytes}-${scenario === 'first' ? round : ''}-`,
        ...(scenario === 'retry' ? { pool: poolKeys(bytes) } : {}),
      },
    });
    const record = { ...jobFor(oncegate.url, 'retry', 0), maxMs: 120_000, maxRequests: poolKeys(bytes) };
    await world.load.run(record);
    for (let round = 0; round <= rounds; round += 1) {
      for (const [name, url, scenario] of [
        ['plain Worker proxy', proxy.url, 'first'],
        ['Oncegate, first run', oncegate.url, 'first'],
        ['Oncegate, replay', oncegate.url, 'retry'],
      ] as const) {
        const result = await world.load.run(jobFor(url, scenario, round));
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
