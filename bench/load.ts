import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { LoadJob, LoadResult } from './load-job.ts';

export interface LoadGenerator {
  /** Rejects where a response was not as expected: a figure for the wrong work is worth nothing. */
  run(job: LoadJob): Promise<LoadResult>;
  stop(): void;
}

/** The load generator in a process of its own. It does one job at a time. */
export async function startLoad(): Promise<LoadGenerator> {
  const script = fileURLToPath(new URL('processes/load.ts', import.meta.url));
  const child = spawn(process.execPath, [script], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  await lines.next();
  return {
    run: async (job) => {
      child.stdin.write(`${JSON.stringify(job)}\n`);
      const { value, done } = await lines.next();
      if (done === true) throw new Error('the load generator ended');
      const result: LoadResult = JSON.parse(value);
      const [what] = Object.entries(result.unexpected);
      if (what !== undefined) throw new Error(`${job.method} ${job.url}: ${what[1]} × ${what[0]}`);
      return result;
    },
    stop: () => child.kill(),
  };
}
