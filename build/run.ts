/** Builds dist/, all that is published, or the parts that are named: `npm run build [-- client cli worker hono notices]`. */
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { root } from './bundled.ts';

/** In an order in which they can be built: the notices are of what is in the bundles. */
const PARTS: Readonly<Record<string, readonly string[]>> = {
  client: ['tsc -p src/client', 'tsc -p src/client/tsconfig.sqlite.json'],
  cli: [
    'esbuild src/cli/oncegate.ts src/cli/wrangler-reader.ts --bundle --platform=node --target=node22 --format=esm' +
      ' --main-fields=module,main --outdir=dist/cli --metafile=dist/cli/bundle-meta.json',
  ],
  worker: ['wrangler deploy --dry-run --outdir dist/worker --metafile'],
  hono: ['node build/hono.ts'],
  notices: ['node build/notices.ts'],
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in PARTS));
if (unknown.length > 0)
  throw new Error(`no such part: ${unknown.join(', ')}; there are ${Object.keys(PARTS).join(', ')}`);

for (const [name, commands] of Object.entries(PARTS)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  // The compiler leaves what is not there any more.
  if (name === 'client') rmSync(`${root}dist/client`, { recursive: true, force: true });
  for (const command of commands) {
    const [program = '', ...args] = command.split(' ');
    execFileSync(program, args, { cwd: root, stdio: 'inherit' });
  }
}
