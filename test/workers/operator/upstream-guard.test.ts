import { afterEach, expect, test, vi } from 'vitest';
import { parseConfig } from '../../../src/config.ts';
import { gatewayOf } from '../../../src/gateway.ts';
import { Logins } from '../../../src/operator/login.ts';
import { TOKEN } from './gate.ts';

const LEDGER = {
  getByName() {
    throw new Error('a test of what goes upstream without the ledger');
  },
  idFromName: String,
};
const RESULTS = { getWithMetadata: async () => ({ value: null, metadata: null }) };

/** A gateway whose upstream says what reached it, and answers with these fields. */
function gate(vars: Record<string, string>, answer: Record<string, string> = {}) {
  const reached: Request[] = [];
  const UPSTREAM = {
    fetch: async (request: Request) => {
      reached.push(request);
      return new Response('from upstream', { headers: answer });
    },
  };
  const routes = [
    { path: '/optional/*', service: 'UPSTREAM', key: 'optional' },
    { path: '/*', service: 'UPSTREAM' },
  ];
  const env = { LEDGER, RESULTS, UPSTREAM, ROUTES: routes, ADMIN_TOKEN: TOKEN, ...vars };
  const ask = async (url: string, init?: RequestInit): Promise<Response> =>
    gatewayOf(env).fetch(new Request(url, init), env);
  return { ask, reached };
}

afterEach(() => {
  vi.restoreAllMocks();
});

async function loginCookie(): Promise<string> {
  return (await new Logins(TOKEN).issue()).split(';')[0] ?? '';
}

const CARRIERS: [string, () => Promise<Record<string, string>>][] = [
  ['as Bearer', async () => ({ authorization: `Bearer ${TOKEN}` })],
  ['as bearer in another case, and spaces', async () => ({ authorization: `bearer   ${TOKEN}` })],
  ['under another scheme', async () => ({ authorization: `Token ${TOKEN}` })],
  ['without a scheme', async () => ({ authorization: TOKEN })],
  ['as the password of Basic', async () => ({ authorization: `Basic ${btoa(`operator:${TOKEN}`)}` })],
  ['as a login', async () => ({ cookie: `a=b; ${await loginCookie()}` })],
];

const PLACES: [string, RequestInit][] = [
  ['/_ONCEGATE/executions', {}],
  ['/api/_oncegate/executions', {}],
  ['/_oncegatex/', {}],
  ['/', {}],
  ['/v1/chat', { method: 'POST', headers: { 'idempotency-key': 'key' }, body: 'x' }],
  ['/v1/chat', { method: 'POST', body: 'x' }],
  ['/optional/x', { method: 'POST', body: 'x' }],
  ['/v1/chat', { method: 'OPTIONS' }],
  ['/socket', { headers: { upgrade: 'websocket' } }],
];

test.each(CARRIERS)('what carries the operator’s token %s goes to no upstream', async (_, carry) => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
  for (const host of [undefined, 'ops.example']) {
    const { ask, reached } = gate(host === undefined ? {} : { OPERATOR_HOST: host });
    for (const [path, init] of PLACES) {
      const headers = { ...Object.fromEntries(new Headers(init.headers)), ...(await carry()) };
      const response = await ask(`https://gate.example${path}`, { ...init, headers });
      expect(response.status, path).toBe(403);
      expect(await response.json()).toMatchObject({
        type: 'https://gate.example/_oncegate/problems/not-passed-on',
      });
    }
    expect(reached).toEqual([]);
  }
  const lines = warn.mock.calls.map(([line]) => line).join('\n');
  expect(lines).toContain('operator-token-misplaced');
  expect(lines).not.toContain(TOKEN);
});

test('other credentials go upstream as they are, those that look like the token too', async () => {
  const { ask, reached } = gate({});
  const expired = `oncegate-login=1.${'A'.repeat(43)}`;
  const others = [
    { authorization: `Bearer ${TOKEN}x` },
    { authorization: `Bearer ${TOKEN.slice(1)}` },
    { authorization: `Basic ${btoa(`x${TOKEN.slice(1)}:`)}` },
    { authorization: 'Bearer sk-of-an-upstream' },
    { authorization: '' },
    { cookie: expired },
  ];
  for (const headers of others) {
    expect((await ask('https://gate.example/x', { headers })).status).toBe(200);
  }
  expect(reached.map(({ headers }) => headers.get('authorization') ?? headers.get('cookie'))).toEqual(
    others.map((headers) => Object.values(headers)[0]),
  );
});

test('the upstream gets no service worker on the console’s origin, and as many as it likes on its own', async () => {
  const script = { headers: { 'service-worker': 'script' } };
  const shared = gate({});
  expect((await shared.ask('https://gate.example/app/sw.js', script)).status).toBe(403);
  expect(shared.reached).toEqual([]);
  const later = gate({ RESPOND_ASYNC: 'true', KEY_FROM: 'query:k' });
  expect((await later.ask('https://gate.example/_oncegate/results/sw.js?k=1', script)).status).toBe(403);
  expect(
    (await gate({ OPERATOR_HOST: 'ops.example' }).ask('https://gate.example/sw.js', script)).status,
  ).toBe(200);
  expect((await gate({ ADMIN_TOKEN: '' }).ask('https://gate.example/sw.js', script)).status).toBe(200);
});

test('a caller that asks for a result where there is none is not taken for one that tries the token', async () => {
  const headers = { authorization: 'Bearer alice', 'idempotency-key': 'k' };
  for (const vars of [{}, { RESPOND_ASYNC: 'true' }]) {
    const { ask } = gate(vars);
    const url = 'https://gate.example/_oncegate/results/x';
    const answers = [await ask(url, { method: 'POST', headers })];
    if (!('RESPOND_ASYNC' in vars)) answers.push(await ask(url, { headers }));
    for (const response of answers) {
      expect(response.status).toBe(404);
      expect(await response.json()).toMatchObject({
        type: 'https://gate.example/_oncegate/problems/result-absent',
      });
    }
  }
});

const COOP = 'cross-origin-opener-policy';
const COEP = 'cross-origin-embedder-policy';

test.each([
  ['same-origin', undefined, 'same-origin-allow-popups'],
  ['same-origin; report-to="x"', undefined, 'same-origin-allow-popups'],
  ['SAME-ORIGIN', undefined, 'same-origin-allow-popups'],
  ['same-origin', 'require-corp, x', 'same-origin-allow-popups'],
  ['same-origin', 'unsafe-none', 'same-origin-allow-popups'],
  ['same-origin', 'require-corp', 'same-origin'],
  ['same-origin', 'credentialless', 'same-origin'],
  ['same-origin-allow-popups', undefined, 'same-origin-allow-popups'],
  ['noopener-allow-popups', undefined, 'noopener-allow-popups'],
  ['unsafe-none', undefined, 'unsafe-none'],
])(
  'a document with the opener policy %s and %s is no neighbour of the console',
  async (policy, embedder, given) => {
    const answer = { [COOP]: policy, ...(embedder === undefined ? {} : { [COEP]: embedder }) };
    const shared = await gate({}, answer).ask('https://gate.example/');
    expect(shared.headers.get(COOP)).toBe(given);
    const apart = await gate({ OPERATOR_HOST: 'ops.example' }, answer).ask('https://gate.example/');
    expect(apart.headers.get(COOP)).toBe(policy);
  },
);

test.each([
  ['ops.example', 'https://ops.example', 'https://gate.example'],
  ['OPS.example', 'https://ops.example', 'https://ops.example.evil.example'],
  ['ops.example', 'https://ops.example.', 'https://xops.example'],
  ['ops.example', 'https://ops.example:8443', 'https://ops'],
  ['localhost:8788', 'http://localhost:8788', 'http://localhost:8787'],
])(
  'with OPERATOR_HOST=%s the operator is served at %s only, and nothing else there',
  async (host, own, other) => {
    const { ask, reached } = gate({ OPERATOR_HOST: host });
    const headers = { authorization: `Bearer ${TOKEN}` };
    for (const path of ['/openapi.json', '/console/configuration']) {
      expect((await ask(`${own}/_oncegate${path}`, { headers })).status).toBe(200);
      const elsewhere = await ask(`${other}/_oncegate${path}`, { headers });
      expect(elsewhere.status).toBe(404);
      expect(await elsewhere.json()).toMatchObject({
        type: `${new URL(other).origin}/_oncegate/problems/route-not-found`,
      });
    }
    for (const path of ['/health', '/problems/key-reused']) {
      expect((await ask(`${own}/_oncegate${path}`)).status).toBe(200);
      expect((await ask(`${other}/_oncegate${path}`)).status).toBe(200);
    }
    for (const init of [{}, { method: 'POST', body: 'x', headers: { 'idempotency-key': 'k' } }]) {
      const response = await ask(`${own}/optional/x`, init);
      expect(response.status).toBe(404);
      expect(await response.json()).toMatchObject({ status: 404 });
    }
    expect(reached).toEqual([]);
    expect((await ask(`${other}/x`)).status).toBe(200);
    expect(reached).toHaveLength(1);
  },
);

test('a host that is set without a token passes nothing on either', async () => {
  const { ask, reached } = gate({ OPERATOR_HOST: 'ops.example', ADMIN_TOKEN: '' });
  expect((await ask('https://ops.example/x')).status).toBe(404);
  expect((await ask('https://ops.example/_oncegate/')).status).toBe(404);
  expect(reached).toEqual([]);
});

test.each(['https://ops.example', 'ops.example/', 'ops.example:443', 'a b', '*.example', 'ops.example, b'])(
  'OPERATOR_HOST=%s is a bad setting',
  (host) => {
    const result = parseConfig({
      LEDGER,
      RESULTS,
      UPSTREAM_URL: 'https://api.example',
      OPERATOR_HOST: host,
    });
    expect(result).toMatchObject({ ok: false, bad: [{ setting: 'OPERATOR_HOST' }] });
  },
);

test.each([
  ['among other parameters', `Token token="${TOKEN}"`],
  ['before a comma', `Bearer ${TOKEN}, Bearer x`],
  ['before a semicolon', `Bearer ${TOKEN};`],
  ['in quotes', `Bearer "${TOKEN}"`],
  ['as the user name of Basic', `Basic ${btoa(`${TOKEN}:`)}`],
  ['before the end of a line in Basic', `Basic ${btoa(`x:${TOKEN}\n`)}`],
])('what carries the operator’s token %s goes to no upstream either', async (_, authorization) => {
  vi.spyOn(console, 'warn').mockImplementation(() => {});
  const { ask, reached } = gate({});
  await ask('https://gate.example/x', { headers: { authorization } });
  expect(reached).toEqual([]);
});

test('the operator’s token in a field of the upstream’s goes to no upstream either', async () => {
  vi.spyOn(console, 'warn').mockImplementation(() => {});
  const { ask, reached } = gate({});
  await ask('https://gate.example/x', { headers: { 'x-api-key': TOKEN } });
  expect(reached).toEqual([]);
});

test('a login behind other cookies of its name goes to no upstream', async () => {
  vi.spyOn(console, 'warn').mockImplementation(() => {});
  const { ask, reached } = gate({});
  const cookie = `${'oncegate-login=a; '.repeat(4)}${await loginCookie()}`;
  await ask('https://gate.example/x', { headers: { cookie } });
  expect(reached).toEqual([]);
});
