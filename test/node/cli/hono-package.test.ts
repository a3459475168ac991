import { spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { root } from './build.ts';
import { type Project, projectWith } from './project.ts';
import { dryRun, startWranglerDev } from './wrangler.ts';

let project: Project;

/** The page's app, and what it says to put into wrangler's configuration. */
let main: string;

beforeAll(async () => {
  project = await projectWith('hono', 'wrangler', '@cloudflare/workers-types');
  const page = await readFile(`${root}/docs/hono.md`, 'utf8');
  const [, app = ''] = /^```ts\n(.*?)^```$/ms.exec(page) ?? [];
  const [, members = ''] = /^```jsonc\n(.*?)^```$/ms.exec(page) ?? [];
  main = app;
  await writeFile(`${project.directory}/main.ts`, main);
  await writeFile(
    `${project.directory}/wrangler.jsonc`,
    `{ "name": "shop", "main": "main.ts",\n${members}}\n`,
  );
});

afterAll(() => project[Symbol.asyncDispose]());

test('the ten lines of the page run the handler once in an empty project, under wrangler dev', async () => {
  await using dev = await startWranglerDev(project.directory);
  const send = () =>
    fetch(`${dev.url}/orders`, {
      method: 'POST',
      headers: { 'idempotency-key': 'order-1' },
      body: 'a book',
    });
  const first = await send();
  expect(first.status).toBe(201);
  expect(await first.json()).toEqual({ ordered: 'order-1' });
  const again = await send();
  expect(again.headers.get('idempotent-replayed')).toBe('true');
  expect(await again.json()).toEqual({ ordered: 'order-1' });
});

/** What a deploy would upload, in KiB, compressed. */
function sizeOf(said: string): number {
  const [, size = ''] = /gzip: ([\d.]+) KiB/.exec(said) ?? [];
  return Number(size);
}

test('an app that mounts no console does not carry it, and none carries a second Hono', async () => {
  const said = await dryRun(project.directory, 'out');
  const bundle = await readFile(`${project.directory}/out/main.js`, 'utf8');
  expect(bundle).not.toContain('Idempotency gateway');
  expect(bundle).not.toContain('/console/style.css');
  expect(bundle.match(/^\/\/ .*hono\/dist\/context\.js$/gm)).toHaveLength(1);
  const mounted = main
    .replace('idempotency, Ledger', 'idempotency, Ledger, operator')
    .replace('export { Ledger }', "app.route('/', operator({ app }));\nexport { Ledger }");
  await writeFile(`${project.directory}/with-console.ts`, mounted);
  const withConsole = await dryRun(project.directory, 'out-2', 'with-console.ts');
  expect(await readFile(`${project.directory}/out-2/with-console.js`, 'utf8')).toContain('/console/');
  expect(sizeOf(withConsole)).toBeGreaterThan(sizeOf(said) + 20);
  expect(sizeOf(said)).toBeLessThan(128);
});

test('one line makes a Worker of the gateway', async () => {
  await writeFile(`${project.directory}/gateway.ts`, "export { default, Ledger } from 'oncegate/worker';\n");
  expect(await dryRun(project.directory, 'out-3', 'gateway.ts')).toContain('env.LEDGER');
});

test.each(['bundler', 'nodenext'])(
  'its types are right for a strict project (%s)',
  async (moduleResolution) => {
    await writeFile(
      `${project.directory}/typed.ts`,
      `${main}
import gateway, { Ledger as GatewayLedger } from 'oncegate/worker';
gateway satisfies ExportedHandler<object>;
idempotency<{ Variables: { user: { id: string } } }>({ scope: (c) => c.get('user').id });
// @ts-expect-error: not a setting.
idempotency({ ttlSecond: 5 });
export class Renamed extends GatewayLedger {}
`,
    );
    const compilerOptions = {
      types: ['@cloudflare/workers-types'],
      lib: ['ES2024'],
      target: 'ES2022',
      module: moduleResolution === 'bundler' ? 'ESNext' : 'NodeNext',
      moduleResolution,
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      skipLibCheck: true,
      noEmit: true,
    };
    await writeFile(
      `${project.directory}/tsconfig.json`,
      JSON.stringify({ compilerOptions, files: ['typed.ts'] }),
    );
    const tsc = `${root}/node_modules/typescript/bin/tsc`;
    const { stdout, status } = spawnSync(process.execPath, [tsc, '-p', project.directory], {
      encoding: 'utf8',
    });
    expect(stdout).toBe('');
    expect(status).toBe(0);
  },
);
