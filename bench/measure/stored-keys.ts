import { randomBytes } from 'node:crypto';
import { globSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { startOncegate } from '../contenders.ts';
import { jobOf, poolJob, type Target } from '../scenarios.ts';
import type { World } from '../world.ts';
import { median } from './statistics.ts';

export interface StoredKeys {
  readonly keys: number;
  readonly firstPerSecond: number;
  readonly replayPerSecond: number;
  /** The slowest of the first requests after a restart: each of them waits for its ledger object to start. */
  readonly wakeMs: number;
}

/**
 * Whether the gateway slows down as keys pile up. The tables are filled behind its back, while it is stopped.
 */
export async function measureStoredKeys(
  world: World,
  levels: readonly number[],
  rounds: number,
  sliceMs: number,
): Promise<StoredKeys[]> {
  const folders = levels.map(() => world.folder('tmpfs'));
  const gateways: Target[] = [];
  const wakes: number[] = [];
  for (const [index, keys] of levels.entries()) {
    const folder = folders[index] ?? '';
    const first = await startOncegate(world, 'tmpfs', {}, folder);
    await world.load.run(poolJob('retry', targetOf(first.url)));
    await first.stop();
    fill(folder, keys);
    const running = world.keep(await startOncegate(world, 'tmpfs', {}, folder));
    const waking = { ...jobOf('retry', targetOf(running.url), 0, 10_000), maxRequests: 64 };
    wakes.push((await world.load.run(waking)).p99Ms);
    gateways.push(targetOf(running.url));
  }
  const figures = levels.map(() => ({ first: [] as number[], replay: [] as number[] }));
  for (let round = 0; round <= rounds; round += 1) {
    for (const [index, target] of gateways.entries()) {
      const first = await world.load.run(jobOf('first', target, round, sliceMs));
      const replay = await world.load.run(jobOf('retry', target, round, sliceMs));
      if (round === 0) continue;
      figures[index]?.first.push(first.perSecond);
      figures[index]?.replay.push(replay.perSecond);
    }
  }
  return levels.map((keys, index) => ({
    keys,
    firstPerSecond: median(figures[index]?.first ?? []),
    replayPerSecond: median(figures[index]?.replay ?? []),
    wakeMs: wakes[index] ?? Number.NaN,
  }));
}

function targetOf(url: string): Target {
  return { url, originUrl: '', replayedHead: undefined };
}

const CALLERS = 100;

/** Spreads so many results over the ledger's objects, as they are when RESULTS has them, too. */
function fill(folder: string, keys: number): void {
  const files = globSync(`${folder}/storage/**/*.sqlite`).filter((file) => !file.endsWith('metadata.sqlite'));
  for (const file of files) {
    const database = new DatabaseSync(file);
    // Rows like one that the gateway wrote itself, whatever columns it has.
    const model = database.prepare('SELECT * FROM executions ORDER BY seq DESC LIMIT 1').get() ?? {};
    const columns = Object.keys(model);
    const insert = database.prepare(
      `INSERT INTO executions (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`,
    );
    const last = Number(model.seq ?? 0);
    database.exec('BEGIN');
    for (let n = 1; n <= keys / files.length; n += 1) {
      const row = {
        ...model,
        seq: last + n,
        id: randomBytes(32).toString('base64url'),
        caller: `caller-${n % CALLERS}`,
        archived_at: model.completed_at ?? null,
      };
      insert.run(...columns.map((column) => Reflect.get(row, column)));
    }
    database.exec('COMMIT');
    database.close();
  }
}
