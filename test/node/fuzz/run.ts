/**
 * The fuzz run: `npx node test/node/fuzz/run.ts [--count N] [--seed N]`. The same seed sends the same
 * requests.
 */
import { parseArgs } from 'node:util';
import bundle from '../harness/bundle.ts';
import '../harness/signals.ts';
import { fuzz } from './campaign.ts';

const { values: flags } = parseArgs({ options: { count: { type: 'string' }, seed: { type: 'string' } } });
const count = Number(flags.count ?? 100_000);
const seed = Number(flags.seed ?? Date.now() % 1_000_000);
const SHOWN = 10;

console.log(`fuzz: seed ${seed}, ${count} requests; run them again with --seed ${seed}`);
bundle();
const startedAt = performance.now();
const { answers, faults } = await fuzz(seed, count);

for (const [answer, times] of [...answers].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
  console.log(`  ${answer.padEnd(40)}  ${times}`);
}
const seconds = Math.round((performance.now() - startedAt) / 1000);
console.log(`\n${faults.length} faults in ${seconds} s, seed ${seed}`);
for (const fault of faults.slice(0, SHOWN)) console.log(`\n${fault}`);
process.exitCode = faults.length > 0 ? 1 : 0;
