import { spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { root } from './build.ts';
import { type Project, projectWith } from './project.ts';
import { dryRun, startWranglerDev } from './wrangler.ts';

let project: Project;

/** The ten lines of the page on Hono. */
const MAIN = `import { Hono } from 'hono';
import { idempotency, Ledger } from 'oncegate/hono';

const app = new Hono<{ Bindings: Env }>();
app.use('/orders/*', idempotency({ ttlSeconds: 172_800, unknownOutcome: 'refuse' }));
app.post('/orders', (c) => c.json({ ordered: c.get('idempotency')?.key, by: crypto.randomUUID() }, 201));

export { Ledger };
export default app;

interface Env {
  LEDGER: DurableObjectNamespace<Ledger>;
  RESULTS: KVNamespace;
}
`;

const CONFIGURATION = {
  name: 'shop',
  main: 'main.ts',
  compatibility_date: '2026-11-01',
  durable_objects: { bindings: [{ name: 'LEDGER', class_name: 'Ledger' }] },
  migrations: [{ tag: 'oncegate-v1', new_sqlite_classes: ['Ledger'] }],
  kv_namespaces: [{ binding: 'RESULTS' }],
};

beforeAll(async () => {
  project = await projectWith('hono', 'wrangler', '@cloudflare/workers-types');
  await writeFile(`${project.directory}/main.ts`, MAIN);
  await writeFile(`${project.directory}/wrangler.json`, JSON.stringify(CONFIGURATION));
});

afterAll(() => project[Symbol.asyncDispose]());

test('ten lines in an empty project run the handler once, under wrangler dev', async () => {
  await using dev = await startWranglerDev(project.directory);
  const send = () =>
    fetch(`${dev.url}/orders`, { method: 'POST', headers: { 'idempotency-key': 'order-1' }, body: 'a book' });
  const first = await send();
  expect(first.status).toBe(201);
  const text = await first.text();
  expect(JSON.parse(text)).toMatchObject({ ordered: 'order-1' });
  const again = await send();
  expect(again.headers.get('idempotent-replayed')).toBe('true');
  expect(await again.text()).toBe(text);
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
  const mounted = MAIN.replace('idempotency, Ledger', 'idempotency, Ledger, operator').replace(
    'export { Ledger }',
    "app.route('/', operator({ app }));\nexport { Ledger }",
  );
  await writeFile(`${project.directory}/with-console.ts`, mounted);
  const withConsole = await dryRun(project.directory, 'out-2', 'with-console.ts');
  expect(await readFile(`${project.directory}/out-2/with-console.js`, 'utf8')).toContain('/console/');
  expect(sizeOf(withConsole)).toBeGreaterThan(sizeOf(said) + 20);
  expect(sizeOf(said)).toBeLessThan(120);
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
      `${MAIN}
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
