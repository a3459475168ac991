import { expect, test } from 'vitest';
import { freshGate, freshKey, post } from '../harness/request.ts';
import { testOfGateway } from '../harness/subject.ts';
import { useGateway, useOrigin } from '../harness/use.ts';

const origin = useOrigin();
const gateway = useGateway(() => ({
  vars: {
    UPSTREAM_URL: origin.url,
    ROUTES: [
      { path: '/json/*', stripPrefix: '/json', fingerprint: 'json' },
      { path: '/derived/*', stripPrefix: '/derived', key: 'derived' },
      { path: '/optional/*', stripPrefix: '/optional', key: 'optional' },
      { path: '/reject/*', stripPrefix: '/reject', concurrent: 'reject' },
      { path: '/short/*', stripPrefix: '/short', ttlSeconds: '1' },
      { path: '/found/*', stripPrefix: '/found', recordStatuses: '200-299,404' },
      {
        path: '/renamed/*',
        stripPrefix: '/renamed',
        keyFrom: 'X-Request-Key',
        forwardKeyAs: 'Idempotency-Key',
      },
      { path: '/dropped/*', stripPrefix: '/dropped', forwardKeyAs: 'none' },
      { path: '/*' },
    ],
  },
}));

test('a retry gets the first response, marked as a replay', async () => {
  const key = freshKey();
  const first = await post(`${gateway.url}/count`, key);
  const second = await post(`${gateway.url}/count`, key);

  expect(await first.json()).toEqual({ run: 1 });
  expect(first.headers.get('cache-status')).toBe('oncegate; fwd=miss; stored');
  expect(first.headers.get('idempotent-replayed')).toBeNull();
  expect(await second.json()).toEqual({ run: 1 });
  expect(second.headers.get('idempotent-replayed')).toBe('true');
  expect(second.headers.get('cache-status')).toMatch(/^oncegate; hit; ttl=863\d\d$/);
  expect(second.headers.get('content-type')).toBe(first.headers.get('content-type'));
  expect(second.headers.get('date')).toBe(first.headers.get('date'));
  expect(await origin.runs(key)).toHaveLength(1);
});

test('a hundred requests at once run once, and all get the same response', async () => {
  const key = freshKey();
  const gate = freshGate();
  const pending = Array.from({ length: 100 }, () => post(`${gateway.url}/held/${gate}`, key));
  await origin.arrived(gate);
  await origin.open(gate);
  const responses = await Promise.all(pending);

  expect(new Set(await Promise.all(responses.map((response) => response.text())))).toEqual(
    new Set(['{"run":1}']),
  );
  const handled = responses.map((response) =>
    response.headers.get('cache-status')?.replace(/ttl=\d+/, 'ttl'),
  );
  expect(handled.filter((status) => status === 'oncegate; fwd=miss; stored')).toHaveLength(1);
  expect(await origin.runs(key)).toHaveLength(1);
});

test('the quoted and the bare form name the same key', async () => {
  const key = freshKey();
  await post(`${gateway.url}/count`, key);
  const quoted = await post(`${gateway.url}/count`, `"${key}"`);
  expect(quoted.headers.get('idempotent-replayed')).toBe('true');
});

test.each([
  ['authorization', { authorization: 'Bearer alice' }, { authorization: 'Bearer bob' }],
  ['x-api-key', { 'x-api-key': 'alice' }, { 'x-api-key': 'bob' }],
  ['cookie', { cookie: 'session=alice' }, { cookie: 'session=bob' }],
  ['a credential and none', { authorization: 'Bearer alice' }, {}],
])('callers that differ in %s never see each other’s results', async (_, one, other) => {
  const key = freshKey();
  const first = await post(`${gateway.url}/count`, key, { headers: one });
  const second = await post(`${gateway.url}/count`, key, { headers: other });
  expect(await first.json()).toEqual({ run: 1 });
  expect(await second.json()).toEqual({ run: 2 });
});

test.each([
  ['method', '/count', { method: 'PATCH' }],
  ['path', '/count/other', {}],
  ['query', '/count?a=2', {}],
  ['body', '/count', { body: 'other' }],
  ['media type', '/count', { headers: { 'content-type': 'application/json' } }],
])('a key that comes again with another %s is refused, and the first result stays', async (_, path, init) => {
  const key = freshKey();
  const original = { body: 'body', headers: { 'content-type': 'text/plain' } };
  await post(`${gateway.url}/count`, key, original);
  const reused = await post(`${gateway.url}${path}`, key, { ...original, ...init });
  const again = await post(`${gateway.url}/count`, key, original);

  expect(reused.status).toBe(422);
  expect(await reused.json()).toMatchObject({ type: `${gateway.url}/_oncegate/problems/key-reused`, key });
  expect(again.headers.get('idempotent-replayed')).toBe('true');
  expect(await origin.runs(key)).toHaveLength(1);
});

test('a key that comes again with another request is refused while the first one runs too', async () => {
  const key = freshKey();
  const gate = freshGate();
  const first = post(`${gateway.url}/held/${gate}`, key, { body: 'one' });
  await origin.arrived(gate);
  const reused = await post(`${gateway.url}/held/${gate}`, key, { body: 'two' });
  await origin.open(gate);
  expect(reused.status).toBe(422);
  expect((await first).status).toBe(200);
});

test.each([500, 503, 429, 400, 404, 307, 308])(
  'a %i is handed on and not recorded: the retry runs again',
  async (status) => {
    const key = freshKey();
    const first = await post(`${gateway.url}/fail-first/${status}`, key);
    const second = await post(`${gateway.url}/fail-first/${status}`, key);
    expect(first.status).toBe(status);
    expect(first.headers.get('cache-status')).toBe('oncegate; fwd=miss; detail=failed');
    expect(second.status).toBe(200);
    expect(await second.json()).toEqual({ run: 2 });
  },
);

test('after a failure the client may correct the body under the same key', async () => {
  const key = freshKey();
  await post(`${gateway.url}/fail-first/400`, key, { body: 'wrong' });
  const corrected = await post(`${gateway.url}/fail-first/400`, key, { body: 'right' });
  expect(corrected.status).toBe(200);
});

test('a status that the route counts as success is recorded', async () => {
  const key = freshKey();
  await post(`${gateway.url}/found/status/404`, key);
  const second = await post(`${gateway.url}/found/status/404`, key);
  expect(second.status).toBe(404);
  expect(second.headers.get('idempotent-replayed')).toBe('true');
});

test('a result ends with its TTL, and the next request runs again', async () => {
  const key = freshKey();
  await post(`${gateway.url}/short/count`, key);
  await expect
    .poll(async () => (await post(`${gateway.url}/short/count`, key)).json(), {
      timeout: 20_000,
      interval: 100,
    })
    .toEqual({ run: 2 });
});

test('with `reject`, a request that comes while the first runs is told to come again', async () => {
  const key = freshKey();
  const gate = freshGate();
  const first = post(`${gateway.url}/reject/held/${gate}`, key);
  await origin.arrived(gate);
  const second = await post(`${gateway.url}/reject/held/${gate}`, key);
  await origin.open(gate);
  expect(second.status).toBe(409);
  expect(second.headers.get('retry-after')).toBe('1');
  expect(await second.json()).toMatchObject({ type: `${gateway.url}/_oncegate/problems/in-progress`, key });
  expect((await first).status).toBe(200);
});

test('`Prefer: wait` shortens the wait for the running execution', async () => {
  const key = freshKey();
  const gate = freshGate();
  const first = post(`${gateway.url}/held/${gate}`, key);
  await origin.arrived(gate);
  const second = await post(`${gateway.url}/held/${gate}`, key, {
    headers: { prefer: 'respond-async, wait=0' },
  });
  await origin.open(gate);
  expect(second.status).toBe(409);
  expect((await first).status).toBe(200);
});

test('with `json`, the order of keys and white space make no other request, a value does', async () => {
  const key = freshKey();
  const headers = { 'content-type': 'application/json' };
  await post(`${gateway.url}/json/count`, key, { headers, body: '{"a":1,"b":[2,3]}' });
  const reordered = await post(`${gateway.url}/json/count`, key, {
    headers,
    body: '{ "b": [2, 3], "a": 1.0 }',
  });
  const changed = await post(`${gateway.url}/json/count`, key, { headers, body: '{"a":1,"b":[3,2]}' });
  expect(reordered.headers.get('idempotent-replayed')).toBe('true');
  expect(changed.status).toBe(422);
});

test('a multipart form that is sent again with a new boundary is the same request', async () => {
  const key = freshKey();
  const form = () => {
    const data = new FormData();
    data.set('name', 'value');
    data.set('file', new Blob(['contents'], { type: 'text/plain' }), 'file.txt');
    return data;
  };
  await post(`${gateway.url}/count`, key, { body: form() });
  const again = await post(`${gateway.url}/count`, key, { body: form() });
  expect(again.headers.get('idempotent-replayed')).toBe('true');
});

test('with `derived`, a request without a key is its own key', async () => {
  const body = freshKey();
  const send = (text: string) => fetch(`${gateway.url}/derived/count`, { method: 'POST', body: text });
  const first = await send(body);
  const second = await send(body);
  const other = await send(`${body} and more`);
  expect(first.headers.get('cache-status')).toBe('oncegate; fwd=miss; stored');
  expect(second.headers.get('idempotent-replayed')).toBe('true');
  expect(other.headers.get('idempotent-replayed')).toBeNull();
});

testOfGateway('with `optional`, a request without a key is passed on, one with a key runs once', async () => {
  const key = freshKey();
  const keyless = await fetch(`${gateway.url}/optional/count`, { method: 'POST' });
  await post(`${gateway.url}/optional/count`, key);
  const second = await post(`${gateway.url}/optional/count`, key);
  expect(keyless.headers.get('cache-status')).toBe('oncegate; fwd=bypass');
  expect(second.headers.get('idempotent-replayed')).toBe('true');
});

testOfGateway(
  'the key goes to the upstream under the name that the route gives it, or not at all',
  async () => {
    const key = freshKey();
    const renamed = await fetch(`${gateway.url}/renamed/echo`, {
      method: 'POST',
      headers: { 'x-request-key': key },
    });
    const dropped = await post(`${gateway.url}/dropped/echo`, key);
    const names = async (response: Response) => {
      const { headers }: { headers: string[] } = await response.json();
      return headers.map((text) => text.toLowerCase());
    };
    const sent = await names(renamed);
    expect(sent).toContain('idempotency-key');
    expect(sent).toContain(key);
    expect(sent).not.toContain('x-request-key');
    expect(await names(dropped)).not.toContain('idempotency-key');
  },
);
