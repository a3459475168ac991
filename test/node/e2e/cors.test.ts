import { describe, expect, test } from 'vitest';
import { startReflectingUpstream } from '../harness/reflecting-upstream.ts';
import { freshKey, post } from '../harness/request.ts';
import { use, useGateway } from '../harness/use.ts';

const APP = 'https://app.example';
const ADMIN = 'https://admin.example';
const EVIL = 'https://evil.example';
const GATEWAY_FIELDS = 'Cache-Status, Idempotent-Replayed, Retry-After, Location, Link';

const upstream = use(
  () => startReflectingUpstream({ allowedHeaders: 'content-type' }),
  (started) => started[Symbol.asyncDispose](),
);
const gateway = useGateway(() => ({
  faulty: true,
  vars: {
    UPSTREAM_URL: upstream.url,
    ADMIN_TOKEN: 'the-admin-token-of-the-tests',
    ROUTES: [
      {
        path: '/listed/strict/*',
        stripPrefix: '/listed/strict',
        corsOrigins: [APP, ADMIN],
        keyFrom: 'X-Key',
        maxRequestBytes: 10,
        upstreamTimeoutSeconds: 1,
      },
      { path: '/listed/*', stripPrefix: '/listed', corsOrigins: `${APP}, ${ADMIN}` },
      { path: '/every/*', stripPrefix: '/every', corsOrigins: '*' },
      { path: '/theirs/*', stripPrefix: '/theirs' },
    ],
  },
}));

/** The CORS fields of a response, and `Vary`. */
function corsFields({ headers }: Response): Record<string, string> {
  return Object.fromEntries([...headers].filter(([name]) => /^(access-control-.*|vary)$/.test(name)));
}

function exposed(response: Response): string[] {
  return response.headers.get('access-control-expose-headers')?.split(', ') ?? [];
}

function preflight(path: string, origin: string, headers = 'idempotency-key'): Promise<Response> {
  return fetch(`${gateway.url}${path}`, {
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': headers },
  });
}

/** Whether the response says all that a page of this origin, and no other, needs to read it. */
function expectShared(response: Response, origin: string): void {
  expect(corsFields(response)).toMatchObject({
    'access-control-allow-origin': origin,
    'access-control-allow-credentials': 'true',
    'access-control-expose-headers': expect.stringContaining(GATEWAY_FIELDS),
    vary: 'Origin',
  });
  expect(Object.keys(corsFields(response))).toHaveLength(4);
}

describe('on a route with listed origins', () => {
  test('a preflight never gets to the upstream, whose list has no place for the key', async () => {
    const response = await preflight('/listed/preflight', APP, 'idempotency-key,x-trace');
    expect(response.status).toBe(204);
    expect(response.headers.get('access-control-allow-headers')).toBe(
      'Idempotency-Key, Content-Type, Authorization, x-trace',
    );
    expect(response.headers.get('access-control-allow-origin')).toBe(APP);
    const strict = await preflight('/listed/strict/preflight', ADMIN);
    expect(strict.headers.get('access-control-allow-headers')).toMatch(/^X-Key, /);
    expect(strict.headers.get('access-control-allow-origin')).toBe(ADMIN);
    expect(upstream.requests.filter((request) => request.startsWith('OPTIONS'))).toEqual([]);
  });

  test('an origin that is not listed gets no CORS field, whatever it asks for', async () => {
    const headers = { origin: EVIL };
    const responses = [
      await preflight('/listed/x', EVIL),
      await fetch(`${gateway.url}/listed/x`, { headers }),
      await post(`${gateway.url}/listed/x`, freshKey(), { headers }),
      await fetch(`${gateway.url}/listed/x`, { method: 'POST', headers }),
    ];
    expect(responses.map(({ status }) => status)).toEqual([204, 200, 200, 400]);
    for (const response of responses) {
      expect(Object.keys(corsFields(response))).toEqual(['vary']);
      expect(response.headers.get('vary')).toMatch(/^Origin/);
    }
  });

  test('an OPTIONS that is no preflight goes upstream, and comes back with the gateway’s fields', async () => {
    const response = await fetch(`${gateway.url}/listed/options`, {
      method: 'OPTIONS',
      headers: { origin: APP },
    });
    expect(upstream.requests).toContain('OPTIONS /options');
    expectShared(response, APP);
  });

  test.each(['GET', 'HEAD', 'PUT'])('a %s that is not keyed is shared', async (method) => {
    const response = await fetch(`${gateway.url}/listed/plain`, { method, headers: { origin: APP } });
    expect(response.headers.get('cache-status')).toBe('oncegate; fwd=bypass');
    expectShared(response, APP);
    expect(exposed(response)).toContain('x-request-id');
  });

  test('first run, join and replays each name the origin that asks, whatever was recorded', async () => {
    const key = freshKey();
    const path = `/stream/${key}`;
    const send = (origin: string | null) =>
      post(`${gateway.url}/listed${path}`, key, origin === null ? {} : { headers: { origin } });
    const first = await send(ADMIN);
    expectShared(first, ADMIN);
    const joined = await send(APP);
    expect(joined.headers.get('cache-status')).toBe('oncegate; fwd=miss; collapsed');
    expectShared(joined, APP);
    upstream.open(path);
    await Promise.all([first.text(), joined.text()]);
    // From the ledger, and twice from what the Worker has just replayed.
    for (const origin of [APP, ADMIN, APP]) {
      const replay = await send(origin);
      expect(replay.headers.get('idempotent-replayed')).toBe('true');
      expectShared(replay, origin);
      expect(exposed(replay)).toContain('x-request-id');
    }
    for (const origin of [null, EVIL]) expect(corsFields(await send(origin))).toEqual({ vary: 'Origin' });
    expect(upstream.requests.filter((request) => request === `POST ${path}`)).toHaveLength(1);
  });

  test('a replay from RESULTS is shared too', async () => {
    const key = freshKey();
    const url = `${gateway.url}/listed/from-results`;
    await post(url, key, { headers: { origin: ADMIN } });
    await fetch(`${gateway.url}/_fault/ledger`, { method: 'POST' });
    try {
      const replay = () => post(url, key, { headers: { origin: APP } });
      await expect.poll(async () => (await replay()).status, { timeout: 20_000 }).toBe(200);
      expectShared(await replay(), APP);
    } finally {
      await fetch(`${gateway.url}/_fault/ledger`, { method: 'DELETE' });
    }
  });

  test('problems are shared with the page that asked, early and late ones', async () => {
    const send = (path: string, key: string | null, body?: string) =>
      fetch(`${gateway.url}/listed/strict${path}`, {
        method: 'POST',
        headers: { origin: APP, ...(key === null ? {} : { 'x-key': key }) },
        ...(body === undefined ? {} : { body }),
      });
    const used = freshKey();
    await send('/once', used, 'a');
    const problems = [
      [await send('/once', null), 400],
      [await send('/once', 'a b'), 400],
      [await send('/once', freshKey(), 'longer than it may be'), 413],
      [await send('/once', used, 'b'), 422],
      [await send('/drop', freshKey()), 502],
      [await send('/silent', freshKey()), 504],
      [await fetch(`${gateway.url}/listed/strict/drop`, { headers: { origin: APP } }), 502],
    ] as const;
    for (const [response, status] of problems) {
      expect(response.status).toBe(status);
      expect(response.headers.get('content-type')).toBe('application/problem+json');
      expectShared(response, APP);
    }
  });
});

describe('on a route with *', () => {
  test.each([APP, EVIL, 'null'])('%s may read everything, without credentials', async (origin) => {
    const key = freshKey();
    const allowed = await preflight('/every/x', origin);
    expect(allowed.headers.get('access-control-allow-origin')).toBe('*');
    const responses = [
      allowed,
      await post(`${gateway.url}/every/x`, key, { headers: { origin } }),
      await post(`${gateway.url}/every/x`, key, { headers: { origin: ADMIN } }),
      await post(`${gateway.url}/every/x`, key),
      await fetch(`${gateway.url}/every/x`, { method: 'POST', headers: { origin } }),
    ];
    expect(responses.map(({ status }) => status)).toEqual([204, 200, 200, 200, 400]);
    for (const response of responses) {
      expect(response.headers.get('access-control-allow-origin')).toBe('*');
      expect(response.headers.get('access-control-allow-credentials')).toBeNull();
    }
  });
});

describe('on a route whose CORS is the upstream’s', () => {
  test('its preflight and its fields pass as they are, replayed as well', async () => {
    const key = freshKey();
    const allowed = await preflight('/theirs/preflight', APP);
    expect(upstream.requests).toContain('OPTIONS /preflight');
    expect(allowed.headers.get('access-control-allow-headers')).toBe('content-type');
    for (const origin of [APP, APP]) {
      const response = await post(`${gateway.url}/theirs/recorded`, key, { headers: { origin } });
      expect(corsFields(response)).toEqual({
        'access-control-allow-origin': APP,
        'access-control-allow-headers': 'content-type',
        'access-control-allow-methods': 'GET, POST',
        'access-control-expose-headers': 'X-Theirs',
        vary: 'Origin',
      });
    }
  });

  test('a replay to a page of another origin still names the first, so that its browser refuses', async () => {
    const key = freshKey();
    await post(`${gateway.url}/theirs/other`, key, { headers: { origin: APP } });
    const replay = await post(`${gateway.url}/theirs/other`, key, { headers: { origin: EVIL } });
    expect(replay.headers.get('idempotent-replayed')).toBe('true');
    expect(replay.headers.get('access-control-allow-origin')).toBe(APP);
  });

  test('a problem of the gateway may be read by every page, and by none with credentials', async () => {
    const headers = { origin: APP };
    const responses = [
      await fetch(`${gateway.url}/theirs/x`, { method: 'POST', headers }),
      await post(`${gateway.url}/theirs/drop`, freshKey(), { headers }),
      await post(`${gateway.url}/nowhere`, freshKey(), { headers }),
    ];
    expect(responses.map(({ status }) => status)).toEqual([400, 502, 404]);
    for (const response of responses) {
      expect(corsFields(response)).toEqual({
        'access-control-allow-origin': '*',
        'access-control-expose-headers': GATEWAY_FIELDS,
      });
    }
  });

  test('a failed answer of the upstream is no problem of the gateway, and passes as it is', async () => {
    const response = await post(`${gateway.url}/theirs/status/500`, freshKey(), { headers: { origin: APP } });
    expect(response.status).toBe(500);
    expect(response.headers.get('access-control-allow-origin')).toBe(APP);
  });
});

test('where no route matches, the preflight is answered for this once, so that a page can read that', async () => {
  const response = await preflight('/nowhere', APP, 'idempotency-key,x-trace');
  expect(response.status).toBe(204);
  expect(response.headers.get('access-control-allow-origin')).toBe('*');
  expect(response.headers.get('access-control-allow-headers')).toBe(
    'Content-Type, Authorization, idempotency-key, x-trace',
  );
  expect(response.headers.get('access-control-max-age')).toBe('0');
});

test.each([
  ['/executions', 200],
  ['/metrics', 200],
  ['/openapi.json', 200],
  ['/no-such-page', 404],
])('the operator’s %s is for no other origin', async (path, status) => {
  const url = `${gateway.url}/_oncegate${path}`;
  const authorization = 'Bearer the-admin-token-of-the-tests';
  const asks = { origin: APP, 'access-control-request-method': 'GET' };
  const responses = [
    await fetch(url, { method: 'OPTIONS', headers: asks }),
    await fetch(url, { method: 'OPTIONS', headers: { ...asks, authorization } }),
    await fetch(url, { headers: { origin: APP } }),
    await fetch(url, { headers: { origin: APP, authorization } }),
  ];
  expect(responses[3]?.status).toBe(status);
  for (const response of responses) {
    expect(response.headers.get('access-control-allow-origin')).toBeNull();
    expect(response.headers.get('access-control-allow-credentials')).toBeNull();
  }
});
