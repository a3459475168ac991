import { afterEach, expect, test, vi } from 'vitest';
import { parseConfig } from '../../src/config.ts';
import { gatewayOf } from '../../src/gateway.ts';
import { unknownSettings } from '../../src/unknown-settings.ts';

class Binding {
  getByName() {}
  idFromName = String;
  getWithMetadata() {}
  fetch() {}
}
class Dataset {
  writeDataPoint() {}
}

const valid = { UPSTREAM_URL: 'https://api.example', LEDGER: new Binding(), RESULTS: new Binding() };

afterEach(() => vi.restoreAllMocks());

test.each([
  ['UNKOWN_OUTCOME', 'refuse', 'UNKNOWN_OUTCOME'],
  ['TTL_SECOND', 60, 'TTL_SECONDS'],
  ['METHOD', ['POST'], 'METHODS'],
  ['ttlSeconds', 60, 'TTL_SECONDS'],
  ['upstream', 'https://api.example', 'UPSTREAM_URL'],
  ['SHARDS', 4, 'LEDGER_SHARDS'],
  ['HOT_SECOND', 60, 'HOT_SECONDS'],
  ['ADMIN_TOKENS', 'secret', 'ADMIN_TOKEN'],
  ['ROUTE', [{ path: '/*' }], 'ROUTES'],
  ['STRIP_PREFIX', '/v1', 'as stripPrefix'],
  ['EVENT', new Dataset(), 'EVENTS'],
])('%s is told as a mistake, with the name that was meant', (name, value, meant) => {
  expect(unknownSettings({ ...valid, [name]: value })).toEqual([
    { setting: name, why: expect.stringContaining(meant) },
  ]);
});

test.each([
  ['STRIPE_SECRET', 'x'],
  ['LOG_LEVEL', 'debug'],
  ['NODE_ENV', 'production'],
  ['API_URL', 'https://api.example'],
  ['path', '/x'],
  ['SERVICE', 'shop'],
  ['EVENT', new Binding()],
  ['METHODS', 'POST'],
])('%s is no mistake', (name, value) => {
  expect(unknownSettings({ ...valid, [name]: value })).toEqual([]);
});

test.each([
  ['ttl', 'did you mean ttlSeconds?'],
  ['TTL_SECONDS', 'did you mean ttlSeconds?'],
  ['UPSTREAM_URL', 'did you mean upstream?'],
  ['unkownOutcome', 'did you mean unknownOutcome?'],
  ['colour', 'there are path, upstream,'],
])('a route’s %s is refused with the field that was meant', (field, why) => {
  expect(parseConfig({ ...valid, ROUTES: [{ [field]: 'x' }] })).toEqual({
    ok: false,
    bad: [{ setting: `ROUTES[0].${field}`, why: expect.stringContaining(`is not a route setting; ${why}`) }],
  });
});

test('the gateway logs a misspelt setting once, and goes on', async () => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
  const env = { ...valid, UNKOWN_OUTCOME: 'refuse', LOG_LEVEL: 'debug' };
  for (let n = 0; n < 2; n += 1) {
    expect((await gatewayOf(env).request('https://gate.example/_oncegate/health')).status).toBe(200);
  }
  expect(warn.mock.calls.map(([line]) => JSON.parse(line))).toEqual([
    {
      level: 'warn',
      event: 'setting-unknown',
      detail: 'UNKOWN_OUTCOME is not a setting; did you mean UNKNOWN_OUTCOME?',
    },
  ]);
});

test('where a setting is missing, the misspelt one is in the answer', async () => {
  vi.spyOn(console, 'warn').mockImplementation(() => {});
  vi.spyOn(console, 'error').mockImplementation(() => {});
  const { UPSTREAM_URL: UPSTREAM_ULR, ...rest } = valid;
  const response = await gatewayOf({ ...rest, UPSTREAM_ULR }).request('https://gate.example/');
  expect(response.status).toBe(500);
  expect(await response.json()).toMatchObject({
    detail: expect.stringMatching(/UPSTREAM_URL is missing.*UPSTREAM_ULR is not a setting/),
  });
});
