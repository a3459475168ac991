/**
 * Lets many hostile worlds happen: `npx node test/node/hostile/run.ts [--seed N] [--worlds N]`. The same seed
 * makes the same plans; when a fault meets a call is up to the machine.
 */
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

const { values: flags } = parseArgs({ options: { seed: { type: 'string' }, worlds: { type: 'string' } } });
const seed = flags.seed ?? String(Date.now() % 1_000_000);
console.log(`the hostile world: seed ${seed}; run it again with --seed ${seed}`);
const args = ['run', '--project', 'hostile', '--silent=false'];
const { status } = spawnSync('vitest', args, {
  stdio: 'inherit',
  env: { ...process.env, HOSTILE_SEED: seed, HOSTILE_WORLDS: flags.worlds ?? '8' },
});
process.exitCode = status ?? 1;
