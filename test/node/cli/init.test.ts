import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { oncegate } from './run.ts';

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(`${tmpdir()}/oncegate-cli-`);
});

afterAll(() => rm(directory, { recursive: true, force: true }));

/** JSONC as init writes it: comments on lines of their own. */
function parse(jsonc: string): Record<string, unknown> {
  return JSON.parse(jsonc.replace(/^\s*\/\/.*$/gm, ''));
}

test('what init writes is valid, says what to do next, and is not written over', async () => {
  const place = `${directory}/new`;
  const init = ['init', place, '--upstream', 'https://api.example.com', '--name', 'gate'];
  const first = await oncegate(init);
  expect(first.code).toBe(0);
  expect(first.out).toMatch(/cd .*new\n.*npm install.*\n.*oncegate check\n.*wrangler deploy\n/);
  const written = await readFile(`${place}/wrangler.jsonc`, 'utf8');
  expect(written).toMatch(/^\s*\/\/ /m);
  expect(parse(written)).toMatchObject({
    name: 'gate',
    main: 'node_modules/oncegate/dist/worker/index.js',
    compatibility_date: '2026-10-01',
    migrations: [{ new_sqlite_classes: ['Ledger'] }],
    vars: { UPSTREAM_URL: 'https://api.example.com' },
  });
  expect(await oncegate(['check'], {}, place)).toMatchObject({ code: 0, err: '' });

  await writeFile(`${place}/wrangler.jsonc`, 'mine');
  expect((await oncegate(init)).code).toBe(1);
  expect(await readFile(`${place}/wrangler.jsonc`, 'utf8')).toBe('mine');
  expect((await oncegate([...init, '--force'])).code).toBe(0);
  expect(await readFile(`${place}/wrangler.jsonc`, 'utf8')).toBe(written);
});

test.each(['wrangler.json', 'wrangler.toml'])('beside a %s nothing is written', async (file) => {
  const place = await mkdtemp(`${directory}/other-`);
  await writeFile(`${place}/${file}`, '');
  const init = ['init', place, '--upstream', 'https://api.example.com', '--force'];
  expect(await oncegate(init)).toMatchObject({ code: 1, err: expect.stringContaining(file) });
});

test.each([
  'x" main="evil.js',
  'x",\n"main": "evil.js',
  '*/ evil',
  'Gate',
  'my_gate',
  '-gate',
  'gate-',
  'a'.repeat(64),
  '',
])('the name %j is no Worker’s, and nothing is written', async (name) => {
  const place = `${directory}/named`;
  const init = ['init', place, '--upstream', 'https://api.example.com', `--name=${name}`];
  expect(await oncegate(init)).toMatchObject({ code: 2, err: expect.stringContaining('--name takes') });
  await expect(readFile(`${place}/wrangler.jsonc`)).rejects.toThrow('ENOENT');
});

test.each([
  'https://x/",\n"main": "evil.js',
  'https://x/\n// a comment\n"main":"evil.js"',
  'https://x/\u2028*/',
])('the upstream %j stays a value', async (upstream) => {
  const place = await mkdtemp(`${directory}/upstream-`);
  expect((await oncegate(['init', place, '--upstream', upstream])).code).toBe(0);
  const written = parse(await readFile(`${place}/wrangler.jsonc`, 'utf8'));
  expect(written).toMatchObject({
    main: 'node_modules/oncegate/dist/worker/index.js',
    vars: { UPSTREAM_URL: upstream },
  });
});

test.each(['ftp://x', 'api.example.com', 'https://user:pass@x', 'https://x?a=b'])(
  'the upstream %j is refused in the words of the setting',
  async (upstream) => {
    const init = ['init', `${directory}/refused`, '--upstream', upstream];
    expect(await oncegate(init)).toMatchObject({
      code: 2,
      err: expect.stringContaining('UPSTREAM_URL must'),
    });
  },
);
