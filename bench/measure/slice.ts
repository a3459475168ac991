import type { LoadJob } from '../load-job.ts';
import type { Running } from '../processes/child.ts';
import { cpuMicroseconds } from '../processes/usage.ts';
import type { World } from '../world.ts';

/** What one turn of one contender found. */
export interface Slice {
  readonly perSecond: number;
  readonly mbPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU time of the contender's own process for each request, in microseconds. */
  readonly cpuMicros: number;
}

/** How often the upstream has to run for each request, to prove that the right work was done. */
export type Runs = { readonly exactly: number } | { readonly about: number } | 'any';

/**
 * A job at a contender. Rejects where the upstream ran more or less often than it should have: its figure is
 * worth nothing.
 */
export async function measureSlice(
  { load, origin }: Pick<World, 'load' | 'origin'>,
  { pid }: Running,
  job: LoadJob,
  runs: Runs,
): Promise<Slice> {
  await runsSince(origin);
  const cpuBefore = cpuMicroseconds(pid);
  const { requests, perSecond, bytesPerSecond, p50Ms, p99Ms } = await load.run(job);
  const cpuMicros = (cpuMicroseconds(pid) - cpuBefore) / requests;
  const found = await runsSince(origin);
  if (!isRight(found, runs, requests)) throw new Error(`${requests} requests ran upstream ${found} times`);
  return { perSecond, mbPerSecond: bytesPerSecond / 1e6, p50Ms, p99Ms, cpuMicros };
}

function isRight(found: number, runs: Runs, requests: number): boolean {
  if (runs === 'any') return true;
  if ('exactly' in runs) return found === Math.round(runs.exactly * requests);
  // Of requests that share a key, the last may be fewer than the others.
  return found <= runs.about * requests * 1.1 + 16;
}

async function runsSince(origin: Running): Promise<number> {
  return Number(await (await fetch(`${origin.url}/_runs`)).text());
}
