/**
 * A day in production, in compressed time:
 * `node bench/day.ts [--requests N] [--shards N] [--of N] [--seed N] [--write-docs]`.
 *
 * The ledger's own code lives it on workerd, one ledger object after the other, and what Cloudflare would
 * bill is counted and held against the formula of docs/cost.md. Of the `--of` objects of a day, the first
 * `--shards` live. `--keep FILE` writes down each that has, and takes those that are there already for lived.
 */
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { dayPage } from './report/day.ts';
import { startWorker } from './workerd.ts';
import { DAY_MS, type Day, type Part } from './workers/day/lived.ts';

const { values: flags } = parseArgs({
  options: {
    requests: { type: 'string', default: '10000000' },
    shards: { type: 'string' },
    of: { type: 'string', default: '16' },
    seed: { type: 'string', default: '1' },
    keep: { type: 'string' },
    'write-docs': { type: 'boolean' },
  },
});
const options = {
  seed: Number(flags.seed),
  shards: Number(flags.of),
  requestsPerDay: Number(flags.requests),
  ttlMs: DAY_MS,
  startsAtMs: 0,
  warmUpMs: DAY_MS,
  countedMs: DAY_MS,
  parts: 24,
};
const kept = keptDays(flags.keep);
const startedAt = performance.now();
const folder = mkdtempSync('/dev/shm/oncegate-day-');
const worker = await startWorker({
  entry: new URL('workers/day/worker.ts', import.meta.url),
  folder,
  objects: { binding: 'DAYS', className: 'DayObject' },
  // Nobody calls there: the day has a KV of its own.
  kvUrl: 'http://127.0.0.1:9',
  vars: {},
});
const objects: Day[] = [];
try {
  for (let shard = 0; shard < Number(flags.shards ?? flags.of); shard += 1) {
    const day = kept.get(shard) ?? (await live(shard));
    if (!kept.has(shard) && flags.keep !== undefined) {
      appendFileSync(flags.keep, `${JSON.stringify({ shard, day })}\n`);
    }
    objects.push(day);
  }
} finally {
  await worker.stop();
  rmSync(folder, { recursive: true, force: true });
}

const page = dayPage({ options: { ...options, shard: 0 }, objects });
console.log(page);
if (flags['write-docs'] === true) writeFileSync(new URL('report/day.md', import.meta.url), page);
const isBroken = objects.some(
  ({ violations, rowsLeft, unanswered }) => violations.length + rowsLeft + unanswered > 0,
);
process.exitCode = isBroken ? 1 : 0;

function keptDays(file: string | undefined): Map<number, Day> {
  if (file === undefined || !existsSync(file)) return new Map();
  const lines: { shard: number; day: Day }[] = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
  return new Map(lines.map(({ shard, day }) => [shard, day]));
}

/** Has one ledger object live it, and tells on standard error how far it is. */
async function live(shard: number): Promise<Day> {
  const response = await fetch(`${worker.url}/${shard}`, {
    method: 'POST',
    body: JSON.stringify({ ...options, shard }),
  });
  let rest = '';
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const lines = `${rest}${chunk}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const { part, day, error }: { part?: Part | null; day?: Day; error?: string } = JSON.parse(line);
      if (error !== undefined) throw new Error(error);
      if (day !== undefined) return day;
      const seconds = Math.round((performance.now() - startedAt) / 1_000);
      console.error(`${seconds} s: object ${shard}, ${part?.counts.requests ?? 'no'} requests counted`);
    }
  }
  throw new Error('the ledger object ended without a word');
}
