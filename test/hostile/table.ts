import { PROMISES, type PromiseName } from '../node/chaos/checker.ts';
import type { WorldResult } from './world.ts';

/** What was injected into the worlds of each kind, what came of it, and what was held. */
export function tableOf(seed: number, results: ReadonlyMap<string, readonly WorldResult[]>): string {
  const lines = [`the hostile world, seed ${seed}; again with HOSTILE_SEED=${seed}`];
  for (const [world, happened] of results) {
    const calls = sum(happened.map((result) => result.calls));
    const runs = sum(happened.map((result) => result.runs));
    const again = sum(happened.map((result) => result.ranAgain));
    const broken = sum(happened.map((result) => result.violations.length));
    lines.push('', `a world ${world}: ${happened.length} of them, ${calls} calls, ${runs} runs`);
    lines.push(...rows('faults', merged(happened.map((result) => result.faults))));
    lines.push(...rows('answers', merged(happened.map((result) => result.answers))));
    const checks = new Map(
      Object.keys(PROMISES).map((name) => [
        PROMISES[name as PromiseName],
        sum(happened.map((result) => result.checks[name as PromiseName])),
      ]),
    );
    lines.push(...rows('checks', checks));
    const forgotten = sum(happened.map((result) => result.forgotten.counted));
    const excused = sum(happened.map((result) => result.forgotten.excused));
    lines.push(
      `  executions forgotten: ${forgotten}; seen in KV all the same, while the ledger was out of reach: ${excused}`,
    );
    lines.push(`  runs under \`retry\` after one whose outcome nobody knows: ${again}`);
    lines.push(`  promises broken: ${broken}`);
  }
  return lines.join('\n');
}

function rows(title: string, counts: ReadonlyMap<string, number>): string[] {
  const counted = [...counts].filter(([, count]) => count > 0);
  return [`  ${title}`, ...counted.map(([name, count]) => `    ${String(count).padStart(6)}  ${name}`)];
}

function merged(maps: readonly ReadonlyMap<string, number>[]): Map<string, number> {
  const all = new Map<string, number>();
  for (const map of maps) for (const [name, count] of map) all.set(name, (all.get(name) ?? 0) + count);
  return all;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
