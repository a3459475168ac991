import { expect, test } from 'vitest';
import { freshGate, freshKey, post } from '../harness/request.ts';
import { useGateway, useOrigin } from '../harness/use.ts';

const origin = useOrigin();

const ADMIN_TOKEN = 'the-admin-token-of-the-tests';

const service = `
  export default { fetch: (request) => new Response('ok', {
    status: 201, headers: { location: new URL('/made?x=1', request.url).href },
  }) };
`;

const gateway = useGateway(() => ({
  services: { MAKER: service },
  vars: {
    HOT_SECONDS: '1',
    ADMIN_TOKEN,
    ROUTES: [
      { path: '/api/*', upstream: origin.url, stripPrefix: '/api' },
      { path: '/refuse/*', upstream: origin.url, stripPrefix: '/refuse', unknownOutcome: 'refuse' },
      { path: '/brief/*', upstream: origin.url, stripPrefix: '/brief', ttlSeconds: 2 },
      { path: '/based/*', upstream: `${origin.url}/created`, stripPrefix: '/based' },
      { path: '/untold/*', upstream: origin.url, stripPrefix: '/untold', forwarded: 'drop' },
      { path: '/service/*', service: 'MAKER', stripPrefix: '/service' },
      { path: '/*', upstream: origin.url, methods: 'POST,PATCH,PUT' },
    ],
  },
}));

/** Sends a request as clients do by default: redirects are followed. */
function follow(path: string, key: string, init: RequestInit = {}): Promise<Response> {
  return post(`${gateway.url}${path}`, key, { redirect: 'follow', body: 'order', ...init });
}

async function ran(key: string): Promise<string[]> {
  return (await origin.runs(key)).map(({ method, url }) => `${method} ${url.replace(/\?.*/, '')}`);
}

const to = (location: string) => `?to=${encodeURIComponent(location)}`;

test.each([
  ['307', 'absolute', () => `${origin.url}/count`],
  ['308', 'absolute', () => `${origin.url}/count`],
  ['307', 'relative', () => '/count'],
  ['308', 'relative', () => '/count'],
])(
  'a %i with an %s location is followed through the gateway, and what it leads to runs once',
  async (status, _, location) => {
    for (const prefix of ['', '/api', '/refuse']) {
      const key = freshKey();
      const path = `${prefix}/redirect/${status}${to(location())}`;
      const first = await follow(path, key);
      expect(first.url).toBe(`${gateway.url}${prefix}/count`);
      expect(first.headers.get('cache-status')).toBe('oncegate; fwd=miss; stored');
      expect(await first.json()).toEqual({ run: 2 });
      for (let time = 0; time < 2; time += 1) {
        const retry = await follow(path, key);
        expect(retry.url).toBe(`${gateway.url}${prefix}/count`);
        expect(retry.headers.get('idempotent-replayed')).toBe('true');
        expect(await retry.json()).toEqual({ run: 2 });
      }
      const count = (await ran(key)).filter((run) => run === 'POST /count');
      expect(count).toHaveLength(1);
    }
  },
);

test('a chain of redirects is followed under one key', async () => {
  const key = freshKey();
  const last = `/redirect/307${to('/count')}`;
  for (let time = 0; time < 2; time += 1) {
    const response = await follow(`/redirect/308${to(last)}`, key);
    expect(response.url).toBe(`${gateway.url}/count`);
    expect(await response.json()).toEqual({ run: 3 });
  }
  expect((await ran(key)).filter((run) => run === 'POST /count')).toHaveLength(1);
});

test('clients that are sent elsewhere at once meet there', async () => {
  const key = freshKey();
  const gate = freshGate();
  const path = `/redirect/307${to(`/held/${gate}`)}`;
  const both = [follow(path, key), follow(path, key), follow(path, key)];
  await origin.arrived(gate);
  await origin.open(gate);
  const runs = await Promise.all(both.map(async (response) => (await (await response).json()).run));
  expect(new Set(runs).size).toBe(1);
  expect((await ran(key)).filter((run) => run.includes('/held/'))).toHaveLength(1);
});

test('what a client was sent elsewhere for is replayed from KV too', { timeout: 90_000 }, async () => {
  const key = freshKey();
  // Only what is larger than a row leaves the ledger.
  const path = `/redirect/307${to('/bytes/700000')}`;
  const first = await (await follow(path, key)).arrayBuffer();
  const places = async () => {
    const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
    const list = await fetch(`${gateway.url}/_oncegate/executions?key=${key}`, { headers });
    return (await list.json()).executions.map(({ place }: { place: string }) => place).sort();
  };
  await expect.poll(places, { timeout: 60_000 }).toEqual(['elsewhere', 'results']);
  const retry = await follow(path, key);
  expect(retry.headers.get('idempotent-replayed')).toBe('true');
  expect(new Uint8Array(await retry.arrayBuffer())).toEqual(new Uint8Array(first));
});

test('a request that was sent elsewhere may be corrected, and runs again itself', async () => {
  const key = freshKey();
  const path = `/redirect/307${to('/count')}`;
  for (const body of ['order', 'another order', 'order']) {
    const response = await post(`${gateway.url}${path}`, key, { body });
    expect(response.status).toBe(307);
    expect(response.headers.get('cache-status')).toBe('oncegate; fwd=miss; detail=failed');
  }
  expect(await ran(key)).toHaveLength(3);
});

test('a key that was never sent elsewhere is still refused for another request', async () => {
  const key = freshKey();
  await post(`${gateway.url}/count`, key);
  expect((await follow(`/redirect/307${to('/count')}`, key)).status).toBe(422);
});

test('that a key was sent elsewhere is forgotten with its TTL', async () => {
  const key = freshKey();
  const path = `/brief/redirect/307${to('/count')}`;
  expect((await follow(path, key)).status).toBe(200);
  const replayed = async () => (await follow(path, key)).headers.get('idempotent-replayed');
  await expect.poll(replayed, { timeout: 30_000 }).toBeNull();
  expect((await ran(key)).filter((run) => run === 'POST /count')).toHaveLength(2);
});

test.each(['301', '302', '303'])(
  'a %s after a POST is recorded: a form that is sent twice is processed once',
  async (status) => {
    const key = freshKey();
    const path = `/api/redirect/${status}${to(`${origin.url}/count`)}`;
    for (let time = 0; time < 2; time += 1) {
      const response = await follow(path, key);
      expect(response.url).toBe(`${gateway.url}/api/count`);
      expect(response.status).toBe(200);
    }
    const runs = await ran(key);
    expect(runs.filter((run) => run === `POST /redirect/${status}`)).toHaveLength(1);
    expect(runs.filter((run) => run === 'GET /count')).toHaveLength(2);
  },
);

test.each(['301', '302'])(
  'a %s after a PATCH or a PUT, which clients repeat elsewhere, is not recorded',
  async (status) => {
    for (const method of ['PATCH', 'PUT']) {
      const key = freshKey();
      const path = `/redirect/${status}${to('/count')}`;
      for (let time = 0; time < 2; time += 1) {
        const response = await follow(path, key, { method });
        expect(response.url).toBe(`${gateway.url}/count`);
        expect(response.status).toBe(200);
      }
      expect((await ran(key)).filter((run) => run === `${method} /count`)).toHaveLength(1);
    }
  },
);

test.each([
  ['an absolute URL', () => `${origin.url}/made?x=1#y`, '/api/made?x=1#y', true],
  ['a path', () => '/made', '/api/made', false],
  ['a relative path', () => 'made', 'made', false],
  ['another host', () => 'https://other.example/made', 'https://other.example/made', false],
])(
  '%s in Location and Content-Location reaches every caller as the gateway’s',
  async (_, location, expected, absolute) => {
    const key = freshKey();
    const url = `${gateway.url}/api/created${to(location())}`;
    const given = absolute ? `${gateway.url}${expected}` : expected;
    for (const response of [await post(url, key), await post(url, key), await fetch(url)]) {
      expect(response.headers.get('location')).toBe(given);
      expect(response.headers.get('content-location')).toBe(given);
    }
  },
);

test('a path that is not below the upstream’s base is not taken for one of the gateway’s', async () => {
  const response = await post(`${gateway.url}/based/x${to('/made')}`, freshKey());
  expect(response.headers.get('location')).toBe(`${origin.url}/made`);
});

test('a service’s own location leads through the gateway', async () => {
  const key = freshKey();
  const url = `${gateway.url}/service/make`;
  for (const response of [await post(url, key), await post(url, key), await fetch(url)]) {
    expect(response.headers.get('location')).toBe(`${gateway.url}/service/made?x=1`);
  }
});

test('a location is handed out with the host by which each client came', async () => {
  const key = freshKey();
  const path = `/untold/created${to(`${origin.url}/made`)}`;
  await post(`${gateway.url}${path}`, key);
  const { port } = new URL(gateway.url);
  const replay = await post(`http://localhost:${port}${path}`, key);
  expect(replay.headers.get('idempotent-replayed')).toBe('true');
  expect(replay.headers.get('location')).toBe(`http://localhost:${port}/untold/made`);
});
