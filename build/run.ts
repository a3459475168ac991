/**
 * Builds dist/, all that is published, or the parts that are named:
 * `npm run build [-- client cli worker hono notices]`.
 */
import { execFileSync } from 'node:child_process';
import { globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { root } from './bundled.ts';

/** In an order in which they can be built: the notices are of what is in the bundles. */
const PARTS: Readonly<Record<string, () => void>> = {
  client: buildClient,
  cli: () =>
    run(
      'esbuild src/cli/oncegate.ts src/cli/wrangler-reader.ts --bundle --platform=node --target=node22 --format=esm' +
        ' --main-fields=module,main --outdir=dist/cli --metafile=dist/cli/bundle-meta.json',
    ),
  worker: () => run('wrangler deploy --dry-run --outdir dist/worker --metafile'),
  hono: () => run('node build/hono.ts'),
  notices: () => run('node build/notices.ts'),
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in PARTS));
if (unknown.length > 0) {
  throw new Error(`no such part: ${unknown.join(', ')}; there are ${Object.keys(PARTS).join(', ')}`);
}
for (const [name, build] of Object.entries(PARTS)) {
  if (wanted.length === 0 || wanted.includes(name)) build();
}

/** File by file, so that a bundler takes only what is used. */
function buildClient(): void {
  // The compiler leaves what is not there any more.
  rmSync(`${root}dist/client`, { recursive: true, force: true });
  run('tsc -p src/client');
  run('tsc -p src/client/tsconfig.sqlite.json');
  // It names files as they are published in the code, and in the types as they are here, which older
  // compilers refuse.
  for (const path of globSync(`${root}dist/client/*.d.ts`)) {
    writeFileSync(path, readFileSync(path, 'utf8').replace(/'(\.\/[^']+)\.ts'/g, "'$1.js'"));
  }
}

function run(command: string): void {
  const [program = '', ...args] = command.split(' ');
  execFileSync(program, args, { cwd: root, stdio: 'inherit' });
}
