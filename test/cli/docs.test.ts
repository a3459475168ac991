import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { unknownSettings } from '../../src/unknown-settings.ts';
import { oncegate } from './run.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string) => readFile(`${root}/${path}`, 'utf8');

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(`${tmpdir()}/oncegate-docs-`);
});

afterAll(() => rm(directory, { recursive: true, force: true }));

/** The configurations that a page shows, in its order. */
async function blocks(page: string, language: 'toml' | 'jsonc'): Promise<string[]> {
  const text = await read(page);
  return [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)].flatMap(([, of, block]) =>
    of === language ? (block ?? '') : [],
  );
}

/** Puts blocks into this repository's wrangler.toml as the text says: tables at its end, what is no table before the first. */
async function inToml(...pasted: readonly string[]): Promise<string> {
  const original = await read('wrangler.toml');
  let text = original.replace('# UPSTREAM_URL =', 'UPSTREAM_URL =');
  for (const block of pasted) {
    text = block.startsWith('[') ? `${text}\n${block}` : text.replace(/^\[/m, `${block}\n[`);
  }
  const path = `${directory}/wrangler.toml`;
  await writeFile(path, text);
  return path;
}

/** Puts blocks into what init writes, before the last brace and after a comma. */
async function inJsonc(...pasted: readonly string[]): Promise<string> {
  const place = await mkdtemp(`${directory}/init-`);
  await oncegate(['init', place, '--upstream', 'https://api.example.com']);
  const path = `${place}/wrangler.jsonc`;
  const text = await readFile(path, 'utf8');
  await writeFile(path, `${text.trimEnd().replace(/\n}$/, '')},\n${pasted.join(',\n')}\n}\n`);
  return path;
}

test('this repository’s wrangler.toml is valid when the upstream in it is no comment any more', async () => {
  expect(await oncegate(['check', await inToml()])).toMatchObject({ code: 0, err: '' });
});

test('the README’s routes run as they are pasted', async () => {
  const [routes = '', ...others] = await blocks('README.md', 'toml');
  expect(others).toEqual([]);
  const { code, out, err } = await oncegate(['check', await inToml(routes)]);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(out).toContain('/openai/* → https://api.openai.com, without the prefix /openai');
  expect(out).toContain('/payments/* → the service bound as PAYMENTS');
  // Commented out, the file itself shows the same kind.
  const path = await inToml();
  const shown = (await readFile(path, 'utf8')).replace(
    /^# (\[\[vars\.ROUTES\]\]|\w+ = ".*"|\w+ = \d+)$/gm,
    '$1',
  );
  await writeFile(path, shown);
  expect((await oncegate(['check', path])).out).toContain('/payments/* → https://payments.example.com');
});

describe.each([
  ['toml', inToml],
  ['jsonc', inJsonc],
] as const)('in %s', (language, paste) => {
  test('each configuration of the deploying page is valid as it is pasted', async () => {
    const shown = await blocks('docs/deploying.md', language);
    expect(shown).toHaveLength(2);
    for (const block of shown) {
      const { code, err } = await oncegate(['check', await paste(block)]);
      expect({ code, err }).toEqual({ code: 0, err: '' });
    }
  });

  test('staging and production each answer at their own address, with both pasted', async () => {
    const path = await paste(...(await blocks('docs/deploying.md', language)));
    const production = await oncegate(['check', path]);
    expect(production.out).toContain('It answers at gate.example.com.');
    const staging = await oncegate(['check', path, '--env', 'staging']);
    expect(staging.code).toBe(0);
    expect(staging.out).toContain('It answers at its workers.dev address.');
    expect(staging.out).toContain('/* → https://staging.example.com');
  });

  test('without what the page says of routes, check says what would happen', async () => {
    const shown = await blocks('docs/deploying.md', language);
    const without = shown.map((block) => block.replace(/^ *"?routes"?( =|:) \[\],?\n/m, ''));
    expect(without).not.toEqual(shown);
    const { code, err } = await oncegate(['check', await paste(...without), '--env', 'staging']);
    expect(code).toBe(1);
    expect(err).toContain('gate.example.com away');
  });
});

test('each setting of the README’s table is known, and none of them is taken for a misspelt one', async () => {
  const text = await read('README.md');
  const rows = [...text.matchAll(/^\| (?:`([A-Z_]+)`|–) +\| (?:`([a-zA-Z]+)`|–) +\|/gm)];
  const names = rows.flatMap(([, binding]) => binding ?? []);
  expect(names.length).toBeGreaterThan(20);
  for (const name of [...names, 'ADMIN_TOKEN', 'ROUTES']) {
    expect(unknownSettings({ [name]: 'x' })).toEqual([]);
    const misspelt = `${name}_`.replace('_', '__');
    expect(unknownSettings({ [misspelt]: 'x' })).toMatchObject([{ why: expect.stringContaining(name) }]);
  }
});
