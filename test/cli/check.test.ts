import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, expect, test } from 'vitest';
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

async function check(toml: string, ...args: string[]) {
  const path = `${directory}/wrangler.toml`;
  await writeFile(path, toml);
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
  ['no TOML', 'name = ', 'is not TOML'],
])('a file with %s is not valid, and told why', async (_, toml, why) => {
  const { code, err } = await check(toml);
  expect(code).toBe(1);
  expect(err).toContain(why);
});

test('a token in the file is not let pass, and not printed', async () => {
  const toml = `${BINDINGS}[vars]\nUPSTREAM_URL = "https://x"\nADMIN_TOKEN = "a-token-that-is-long-enough"\n`;
  const { code, out, err } = await check(toml);
  expect(code).toBe(1);
  expect(err).toContain('wrangler secret put ADMIN_TOKEN');
  expect(out + err).not.toContain('long-enough');
});

test('an environment has its own vars and bindings', async () => {
  const toml = `${BINDINGS}
[vars]
UPSTREAM_URL = "https://api.example.com"
[env.staging.vars]
UPSTREAM_URL = "https://staging.example.com"
[[env.staging.durable_objects.bindings]]
name = "LEDGER"
class_name = "Ledger"
[[env.staging.kv_namespaces]]
binding = "RESULTS"
[env.empty.vars]
UPSTREAM_URL = "https://api.example.com"
`;
  expect((await check(toml, '--env', 'staging')).out).toContain('https://staging.example.com');
  expect((await check(toml, '--env', 'empty')).err).toContain('LEDGER must be');
  expect((await check(toml, '--env', 'none')).code).toBe(2);
});

test('as JSON, it is for programs', async () => {
  const valid = await check(`${BINDINGS}[vars]\nUPSTREAM_URL = "https://x"\n`, '--json');
  expect(JSON.parse(valid.out)).toMatchObject({ valid: true, routes: [{ path: '/*', key: 'required' }] });
  const invalid = await check(BINDINGS, '--json');
  expect(invalid.code).toBe(1);
  expect(JSON.parse(invalid.out)).toMatchObject({ valid: false, problems: [{ setting: 'UPSTREAM_URL' }] });
});

test('what init writes is valid, and is not written over', async () => {
  const place = `${directory}/new`;
  const init = ['init', place, '--upstream', 'https://api.example.com', '--name', 'gate'];
  expect((await oncegate(init)).code).toBe(0);
  const written = await readFile(`${place}/wrangler.toml`, 'utf8');
  expect(written).toContain('UPSTREAM_URL = "https://api.example.com"');
  expect((await oncegate(['check', `${place}/wrangler.toml`])).code).toBe(0);
  expect((await oncegate(init)).code).toBe(1);
  expect((await oncegate([...init, '--force'])).code).toBe(0);
});

test.each([
  [['nonsense']],
  [['init']],
  [['init', '--upstream', 'api.example.com']],
  [['check', '/nowhere/wrangler.toml']],
  [['check', '--nonsense']],
  [['check', 'one', 'two']],
  [['show']],
  [['bench', 'not-a-url']],
  [['executions', '--url', 'not-a-url']],
  [['executions', '--url', 'http://gate.example', '--header', 'nonsense']],
  [[]],
])('oncegate %j is wrong use', async (args) => {
  expect((await oncegate(args, { ONCEGATE_ADMIN_TOKEN: 'x' })).code).toBe(2);
});
