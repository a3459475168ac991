import { existsSync, globSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defaultOf, withTables } from '../../../build/settings-page.ts';
import { bindingOf, gatewaySettings, routeSettings } from '../../../src/settings.ts';
import { unknownSettings } from '../../../src/unknown-settings.ts';
import { oncegate } from '../cli/run.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
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

/**
 * Puts blocks into this repository's wrangler.toml as the text says: tables at its end, what is no table
 * before the first.
 */
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

/** What is bound is known by its kind, not by its name. */
const BINDINGS = ['LEDGER', 'RESULTS', 'RATE_LIMITER', 'EVENTS'];

/**
 * The first two cells of each row of a page's tables that begins with a variable's name: the name, and what
 * is beside it.
 */
async function variablesOf(page: string): Promise<Map<string, string>> {
  const rows = (await read(page)).matchAll(/^\| *`([A-Z_]+)` *\| *([^|]*?) *\|/gm);
  return new Map([...rows].map(([, name = '', beside = '']) => [name, beside]));
}

test('the page of settings says what the settings say of themselves (else: npx node build/settings-page.ts)', async () => {
  const page = await read('docs/settings.md');
  expect(page).toBe(withTables(page));
});

test('each setting of the page is known, and none of them is taken for a misspelt one', async () => {
  const names = [...(await variablesOf('docs/settings.md')).keys()];
  expect(names).toEqual(expect.arrayContaining(['UPSTREAM_URL', 'HOT_SECONDS', 'ADMIN_TOKEN', 'ROUTES']));
  for (const name of names.filter((each) => !BINDINGS.includes(each))) {
    expect(unknownSettings({ [name]: 'x' })).toEqual([]);
    const misspelt = `${name}_`.replace('_', '__');
    expect(unknownSettings({ [misspelt]: 'x' })).toMatchObject([{ why: expect.stringContaining(name) }]);
  }
});

test('the README’s short list has the defaults that the settings have', async () => {
  const settings = Object.entries({ ...routeSettings, ...gatewaySettings });
  const defaults = new Map(settings.map(([field, schema]) => [bindingOf(field), defaultOf(schema)]));
  const few = await variablesOf('README.md');
  expect(few.size).toBeGreaterThan(5);
  for (const [name, said] of few) {
    expect({ name, said }).toEqual({ name, said: defaults.get(name)?.replace(/^none: .*/, '–') });
  }
});

test('the operating page says of each event of the log what to do, with the level that it is logged at', async () => {
  const [, union = ''] = /export type LogEvent =(.*?);/s.exec(await read('src/log.ts')) ?? [];
  const events = [...union.matchAll(/\| '([a-z-]+)'/g)].map(([, event]) => event);
  expect(events.length).toBeGreaterThan(20);
  const rows = (await read('docs/operating.md')).matchAll(/^\| `([a-z-]+)` *\| (info|warn|error) /gm);
  const said = new Map([...rows].map(([, event, level]) => [event, level]));
  expect([...said.keys()]).toEqual(events);
  const files = globSync('src/**/*.{ts,tsx}', { cwd: root });
  const code = (await Promise.all(files.map(read))).join('\n');
  for (const event of events) {
    // The line that there is for each request is put together by hand.
    const written = `log\\(\\s*'(\\w+)',\\s*'${event}'|"level":"(\\w+)","event":"${event}"`;
    const [, byCall, byHand] = new RegExp(written).exec(code) ?? [];
    const level = byCall ?? byHand;
    expect({ event, level }).toEqual({ event, level: said.get(event) });
  }
});

describe('a link of the documents leads to a page and a heading that are there', () => {
  const pages = globSync(['*.md', 'docs/**/*.md'], { cwd: root });
  test.each(pages)('of %s', async (page) => {
    const text = (await read(page)).replace(/^```.*?^```$/gms, '');
    const dead: string[] = [];
    for (const [, link = ''] of text.matchAll(/\]\((?!\w+:)([^)\s]*)\)/g)) {
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? page : join(dirname(page), path);
      const isThere = existsSync(join(root, target));
      if (!isThere || (anchor !== undefined && !headingsOf(await read(target)).includes(anchor)))
        dead.push(link);
    }
    expect(dead).toEqual([]);
  });
});

/** The anchors of a page's headings, as GitHub makes them. */
function headingsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replace(/ /g, '-'),
  );
}
