import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { root } from './build.ts';
import { oncegate } from './run.ts';
import { dryRun } from './wrangler.ts';

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(`${tmpdir()}/oncegate-init-hono-`);
});

afterAll(() => rm(directory, { recursive: true, force: true }));

/** A project with this configuration, and an app that exports what the ledger needs. */
async function projectOf(file: string, text: string): Promise<string> {
  const place = await mkdtemp(`${directory}/project-`);
  await symlink(`${root}/node_modules`, `${place}/node_modules`);
  await writeFile(`${place}/${file}`, text);
  await writeFile(
    `${place}/index.js`,
    `import { DurableObject } from 'cloudflare:workers';
    export class Ledger extends DurableObject {}
    export class Room extends DurableObject {}
    export default { fetch: () => new Response() };`,
  );
  return place;
}

const JSONC = `{
    // Mine, and it stays.
    "name": "shop",
    "main": "index.js",
    "compatibility_date": "2026-11-01",
    "vars": { "COLOUR": "red" }, /* as is */
    "durable_objects": {
        "bindings": [
            { "name": "ROOMS", "class_name": "Room" } // rooms
        ]
    },
    "migrations": [{ "tag": "v1", "new_sqlite_classes": ["Room"] }]
}
`;

const TOML = `# Mine, and it stays.
name = "shop"
main = "index.js"
compatibility_date = "2026-11-01"

[[durable_objects.bindings]]
name = "ROOMS"
class_name = "Room"

[[migrations]]
tag = "v1"
new_sqlite_classes = ["Room"]
`;

test.each([
  ['wrangler.jsonc', JSONC],
  ['wrangler.json', '{ "name": "shop", "main": "index.js", "compatibility_date": "2026-11-01" }'],
  ['wrangler.toml', TOML],
  ['wrangler.toml', 'name = "shop"\r\nmain = "index.js"\r\ncompatibility_date = "2026-11-01"\r\n'],
])('what is missing in a %s is added, shown first, and deploys', async (file, text) => {
  const place = await projectOf(file, text);
  const path = `${place}/${file}`;
  const shown = await oncegate(['init', place, '--hono']);
  expect(shown).toMatchObject({ code: 1, err: expect.stringContaining('--yes') });
  expect(shown.out).toMatch(/^\+.*RESULTS/m);
  expect(shown.out).not.toMatch(/^-.*(Mine|COLOUR)/m);
  expect(await readFile(path, 'utf8')).toBe(text);

  const written = await oncegate(['init', place, '--hono', '--yes']);
  expect(written).toMatchObject({ code: 0, err: '' });
  expect(written.out).toContain("import { idempotency, Ledger } from 'oncegate/hono';");
  const after = await readFile(path, 'utf8');
  for (const kept of text.match(/Mine, and it stays\.|\/\/ rooms|\/\* as is \*\//g) ?? [])
    expect(after).toContain(kept);
  const said = await dryRun(place, 'out');
  expect(said).toContain('env.LEDGER');
  expect(said).toContain('env.RESULTS');
  if (text.includes('ROOMS')) expect(said).toContain('env.ROOMS');

  const again = await oncegate(['init', place, '--hono']);
  expect(again).toMatchObject({ code: 0, out: expect.stringContaining('has all that it needs') });
  expect(await readFile(path, 'utf8')).toBe(after);
});

test('a list that is written in one piece is not broken: what to add is said', async () => {
  const text =
    'name = "shop"\nmain = "index.js"\ncompatibility_date = "2026-11-01"\nkv_namespaces = [{ binding = "CACHE", id = "x" }]\n';
  const place = await projectOf('wrangler.toml', text);
  const { code, err } = await oncegate(['init', place, '--hono', '--yes']);
  expect(code).toBe(1);
  expect(err).toContain('[[kv_namespaces]]');
  expect(await readFile(`${place}/wrangler.toml`, 'utf8')).toBe(text);
});

test('an old compatibility date is left to its owner, and named', async () => {
  const place = await projectOf(
    'wrangler.json',
    '{ "name": "shop", "main": "index.js", "compatibility_date": "2025-01-01" }',
  );
  const { code, err } = await oncegate(['init', place, '--hono', '--yes']);
  expect(code).toBe(0);
  expect(err).toContain('2026-10-01');
  expect(await readFile(`${place}/wrangler.json`, 'utf8')).toContain('2025-01-01');
});

test('without a configuration there is nothing to add to', async () => {
  const place = await mkdtemp(`${directory}/empty-`);
  expect(await oncegate(['init', place, '--hono'])).toMatchObject({
    code: 2,
    err: expect.stringContaining('no wrangler configuration'),
  });
});

test('for programs it says what it added', async () => {
  const place = await projectOf('wrangler.jsonc', JSONC);
  const { code, out } = await oncegate(['init', place, '--hono', '--yes', '--json']);
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({
    added: ['durable_objects.bindings', 'migrations', 'kv_namespaces'],
    written: true,
  });
});

test('a class that is there without SQLite is not given it by a migration that no deploy takes', async () => {
  const text =
    '{ "name": "shop", "main": "index.js", "migrations": [{ "tag": "v1", "new_classes": ["Ledger"] }] }';
  const place = await projectOf('wrangler.jsonc', text);
  const said = await oncegate(['init', place, '--hono', '--yes']);
  expect(said).toMatchObject({ code: 1, err: expect.stringContaining('write new_sqlite_classes there') });
  expect(await readFile(`${place}/wrangler.jsonc`, 'utf8')).toBe(text);
});
