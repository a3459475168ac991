import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CLI } from './build.ts';
import { oncegate } from './run.ts';

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(`${tmpdir()}/oncegate-cli-`);
});

afterAll(() => rm(directory, { recursive: true, force: true }));

const BINDINGS = `
name = "gate"
main = "src/index.ts"
compatibility_date = "2026-11-01"
[[durable_objects.bindings]]
name = "LEDGER"
class_name = "Ledger"
[[migrations]]
tag = "v1"
new_sqlite_classes = ["Ledger"]
[[kv_namespaces]]
binding = "RESULTS"
`;

const VALID = {
  name: 'gate',
  main: 'src/index.ts',
  compatibility_date: '2026-11-01',
  durable_objects: { bindings: [{ name: 'LEDGER', class_name: 'Ledger' }] },
  migrations: [{ tag: 'v1', new_sqlite_classes: ['Ledger'] }],
  kv_namespaces: [{ binding: 'RESULTS' }],
  vars: { UPSTREAM_URL: 'https://api.example.com' },
};

const STAGING = {
  vars: { UPSTREAM_URL: 'https://staging.example.com' },
  durable_objects: VALID.durable_objects,
  kv_namespaces: VALID.kv_namespaces,
};

async function check(toml: string, ...args: string[]) {
  return checkText('wrangler.toml', toml, ...args);
}

async function checkJson(config: object, ...args: string[]) {
  return checkText('wrangler.json', JSON.stringify(config), ...args);
}

async function checkText(file: string, text: string, ...args: string[]) {
  const path = `${directory}/${file}`;
  await writeFile(path, text);
  return oncegate(['check', path, ...args]);
}

test('a valid file is explained, route by route', async () => {
  const { code, out } = await check(`${BINDINGS}
[[services]]
binding = "SHOP"
service = "shop"
[vars]
UPSTREAM_URL = "https://api.example.com"
[[vars.ROUTES]]
path = "/payments/*"
stripPrefix = "/payments"
unknownOutcome = "refuse"
shards = 4
[[vars.ROUTES]]
path = "/*"
service = "SHOP"
key = "derived"
concurrent = "reject"
`);
  expect(code).toBe(0);
  expect(out).toContain('/payments/* → https://api.example.com, without the prefix /payments');
  expect(out).toContain('retries are REFUSED with 409');
  expect(out).toContain('spread over 4 ledger objects');
  expect(out).toContain('/* → the service bound as SHOP');
  expect(out).toContain('without one the request itself is the key');
  expect(out).toContain('Capital and small letters differ');
});

test.each([
  ['no upstream', BINDINGS, 'UPSTREAM_URL is missing'],
  [
    'a bad setting',
    `${BINDINGS}[vars]\nUPSTREAM_URL = "ftp://x"\n`,
    'UPSTREAM_URL must be an http or https URL',
  ],
  [
    'two bad settings',
    `${BINDINGS}[vars]\nTTL_SECONDS = 0\nKEY = "no"\nUPSTREAM_URL = "https://x"\n`,
    'TTL_SECONDS',
  ],
  [
    'a misspelt setting',
    `${BINDINGS}[vars]\nUPSTREAM_URL = "https://x"\nUNKOWN_OUTCOME = "refuse"\n`,
    'UNKOWN_OUTCOME is not a setting; did you mean UNKNOWN_OUTCOME?',
  ],
  [
    'a setting in a route’s spelling',
    `${BINDINGS}[vars]\nUPSTREAM_URL = "https://x"\nttlSeconds = 5\n`,
    'ttlSeconds is not a setting; did you mean TTL_SECONDS?',
  ],
  [
    'a misspelt setting of a route',
    `${BINDINGS}[[vars.ROUTES]]\nupstream = "https://x"\nttl = 5\n`,
    'ROUTES[0].ttl is not a route setting; did you mean ttlSeconds?',
  ],
  [
    'a misspelt binding',
    `${BINDINGS}[[analytics_engine_datasets]]\nbinding = "EVENT"\n[vars]\nUPSTREAM_URL = "https://x"\n`,
    'EVENT is not a binding of the gateway; did you mean EVENTS?',
  ],
  ['no ledger', BINDINGS.replace('"LEDGER"', '"OTHER"'), 'LEDGER must be a Durable Object binding'],
  [
    'another class',
    BINDINGS.replace('class_name = "Ledger"', 'class_name = "Other"'),
    'must be of class Ledger',
  ],
  ['no KV', BINDINGS.replace('"RESULTS"', '"OTHER"'), 'RESULTS must be a KV namespace'],
  ['no SQLite', BINDINGS.replace('new_sqlite_classes', 'new_classes'), 'new_sqlite_classes'],
  [
    'an old date',
    BINDINGS.replace('2026-11-01', '2026-09-30'),
    'compatibility_date must be 2026-10-01 or later',
  ],
  ['no TOML', 'name = ', 'In line 1.'],
  ['a field of another type', BINDINGS.replace('"gate"', '5'), 'Expected "name" to be of type string'],
])('a file with %s is not valid, and told why', async (_, toml, why) => {
  const { code, err } = await check(toml);
  expect(code).toBe(1);
  expect(err).toContain(why);
});

test('variables of somebody else are let alone', async () => {
  const vars = {
    ...VALID.vars,
    STRIPE_SECRET: 'x',
    LOG_LEVEL: 'debug',
    NODE_ENV: 'production',
    API_URL: 'https://x',
  };
  expect(await checkJson({ ...VALID, vars })).toMatchObject({ code: 0, err: '' });
});

test.each([
  ['wrangler.json', JSON.stringify(VALID)],
  ['wrangler.jsonc', `// Why it is so\n${JSON.stringify(VALID, null, 2).replace(/\n}$/, ',\n}')}`],
  ['wrangler.toml', `${BINDINGS}[vars]\nUPSTREAM_URL = "https://api.example.com"\n`],
])('%s is read, and said to be what it is', async (file, text) => {
  const { code, out } = await checkText(file, text);
  expect(code).toBe(0);
  expect(out).toContain('/* → https://api.example.com');
  const broken = await checkText(file, text.replace('https://api.example.com', 'ftp://x'));
  expect(broken.err).toContain('UPSTREAM_URL must be an http or https URL');
});

test('of what is no JSON it is told where, and in words, but not what is there', async () => {
  const { code, err } = await checkText('wrangler.jsonc', '{\n  "vars": { "ADMIN_TOKEN": a-secret }\n}');
  expect(code).toBe(1);
  expect(err).toMatch(/Invalid symbol|Value expected/);
  expect(err).toContain('In line 2.');
  expect(err).not.toContain('a-secret');
});

test('without a file, the one is read that wrangler reads', async () => {
  // Beside the directory of the other tests: wrangler looks into those above, too.
  const place = await mkdtemp(`${tmpdir()}/oncegate-found-`);
  await mkdir(`${place}/below`);
  const none = await oncegate(['check'], {}, place);
  expect(none).toMatchObject({ code: 2, err: expect.stringContaining('no wrangler.json') });
  for (const file of ['wrangler.toml', 'wrangler.jsonc', 'wrangler.json']) {
    const text = file.endsWith('toml')
      ? `${BINDINGS}[vars]\nUPSTREAM_URL = "https://${file}"\n`
      : JSON.stringify({ ...VALID, vars: { UPSTREAM_URL: `https://${file}` } });
    await writeFile(`${place}/${file}`, text);
    expect((await oncegate(['check'], {}, place)).out).toContain(`${file} is valid.`);
    expect((await oncegate(['check'], {}, `${place}/below`)).out).toContain(`https://${file}`);
  }
  await rm(place, { recursive: true });
});

test('a token in the file is not let pass, and not printed', async () => {
  const toml = `${BINDINGS}[vars]\nUPSTREAM_URL = "https://x"\nADMIN_TOKEN = "a-token-that-is-long-enough"\n`;
  const { code, out, err } = await check(toml);
  expect(code).toBe(1);
  expect(err).toContain('wrangler secret put ADMIN_TOKEN');
  expect(out + err).not.toContain('long-enough');
});

test('an environment has its own vars and bindings', async () => {
  const config = { ...VALID, env: { staging: STAGING, empty: { vars: VALID.vars } } };
  expect((await checkJson(config, '--env', 'staging')).out).toContain('https://staging.example.com');
  const empty = await checkJson(config, '--env', 'empty');
  expect(empty.err).toContain('LEDGER must be');
  expect(empty.err).toContain('"durable_objects" exists at the top level, but not on "env.empty"');
  const none = await checkJson(config, '--env', 'none');
  expect(none).toMatchObject({ code: 2, err: expect.stringContaining('It has staging, empty.') });
});

test('the environment is the one that CLOUDFLARE_ENV names, as for a deploy', async () => {
  const path = `${directory}/named.json`;
  await writeFile(path, JSON.stringify({ ...VALID, env: { staging: STAGING } }));
  const { out } = await oncegate(['check', path], { CLOUDFLARE_ENV: 'staging' });
  expect(out).toContain('https://staging.example.com');
});

const DOMAIN = [{ pattern: 'gate.example.com', custom_domain: true }];
const STAGING_DOMAIN = [{ pattern: 'staging.example.com', custom_domain: true }];

test.each([
  ['a custom domain', { routes: DOMAIN }],
  ['a route', { routes: ['gate.example.com/*'] }],
  ['a single route', { route: { pattern: 'gate.example.com/*', zone_name: 'example.com' } }],
])('%s that an environment would take from production is refused', async (_, top) => {
  const { code, err } = await checkJson({ ...VALID, ...top, env: { staging: STAGING } }, '--env', 'staging');
  expect(code).toBe(1);
  expect(err).toMatch(/routes of the top level reach into staging, .*gate\.example\.com/);
});

test.each([
  ['its own', STAGING_DOMAIN, 'It answers at staging.example.com.'],
  ['none', [], 'It has NO ADDRESS'],
  ['the same, said by itself', DOMAIN, 'It answers at gate.example.com.'],
])('an environment with %s takes nothing, and is told where it answers', async (_, routes, place) => {
  const config = { ...VALID, routes: DOMAIN, workers_dev: false, env: { staging: { ...STAGING, routes } } };
  const { code, out } = await checkJson(config, '--env', 'staging');
  expect(code).toBe(0);
  expect(out).toContain(place);
  expect((await checkJson(config)).out).toContain('It answers at gate.example.com.');
});

test('as JSON, it is for programs, with what wrangler warns of', async () => {
  const valid = await checkJson({ ...VALID, nonsense: true }, '--json');
  expect(JSON.parse(valid.out)).toMatchObject({
    valid: true,
    routes: [{ path: '/*', key: 'required' }],
    warnings: [expect.stringContaining('"nonsense"')],
  });
  const invalid = await check(BINDINGS, '--json');
  expect(invalid.code).toBe(1);
  expect(JSON.parse(invalid.out)).toMatchObject({ valid: false, problems: [{ setting: 'UPSTREAM_URL' }] });
});

test('where wrangler is not installed, that is said, and what to do', async () => {
  const place = await mkdtemp(`${tmpdir()}/oncegate-alone-`);
  try {
    await cp(dirname(CLI), `${place}/cli`, { recursive: true });
    await writeFile(`${place}/wrangler.json`, JSON.stringify(VALID));
    await writeFile(`${place}/package.json`, '{"type":"module"}');
    const alone = await oncegate(['check'], {}, place, `${place}/cli/oncegate.js`);
    expect(alone).toMatchObject({ code: 2, err: expect.stringContaining('npm install --save-dev wrangler') });
    await mkdir(`${place}/node_modules/wrangler`, { recursive: true });
    await writeFile(`${place}/node_modules/wrangler/index.js`, 'export {}');
    await writeFile(`${place}/node_modules/wrangler/package.json`, '{"name":"wrangler","type":"module"}');
    const other = await oncegate(['check'], {}, place, `${place}/cli/oncegate.js`);
    expect(other).toMatchObject({ code: 2, err: expect.stringContaining('in another way') });
    await writeFile(`${place}/node_modules/wrangler/index.js`, 'throw new Error("no such machine")');
    const broken = await oncegate(['check'], {}, place, `${place}/cli/oncegate.js`);
    expect(broken).toMatchObject({ code: 2, err: expect.stringContaining('no such machine') });
  } finally {
    await rm(place, { recursive: true, force: true });
  }
});
