import { describe, expect, test } from 'vitest';
import { seenBy, useShop } from './shop.ts';
import { freshKey, post } from './world.ts';

const app = useShop();
const seen = () => seenBy(app);

test('middleware before runs for every request and its fields are of that request; middleware after runs once', async () => {
  const key = freshKey();
  const first = await post(`${app.url}/orders`, key);
  const again = await post(`${app.url}/orders`, key);
  const ids = [first, again].map((response) => response.headers.get('x-request'));
  expect(ids[0]).toMatch(/^[\w-]{36}$/);
  expect(ids[1]).toMatch(/^[\w-]{36}$/);
  expect(ids[0]).not.toBe(ids[1]);
  expect(again.headers.get('x-served')).toBe('yes');
  expect((await seen()).passed[`after ${key}`]).toBe(1);
});

test('CORS, compression and the like before it hold for each answer, once: first, replayed and refused', async () => {
  const key = freshKey();
  const headers = { origin: 'https://app.example', authorization: 'Bearer t' };
  const first = await post(`${app.url}/dressed`, key, { headers });
  const again = await post(`${app.url}/dressed`, key, { headers });
  const refused = await post(`${app.url}/dressed`, key, { headers, body: 'other' });
  for (const response of [first, again, refused]) {
    expect(response.headers.get('access-control-allow-origin')).toBe('https://app.example');
    expect(response.headers.get('access-control-allow-credentials')).toBe('true');
    expect(response.headers.get('vary')?.match(/origin/gi)).toHaveLength(1);
    expect(response.headers.get('x-frame-options')).toBe('SAMEORIGIN');
  }
  expect(first.headers.get('vary')).toMatch(/accept-language/i);
  expect(again.headers.get('idempotent-replayed')).toBe('true');
  expect(again.headers.get('etag')).toBe(first.headers.get('etag'));
  expect(again.headers.get('content-type')).toBe(first.headers.get('content-type'));
  expect(refused.status).toBe(422);
  const text = await first.text();
  expect(JSON.parse(text)).toMatchObject({ run: 1 });
  expect(await again.text()).toBe(text);
});

describe('where two match', () => {
  test('the first takes the request, and the second lets it pass', async () => {
    const key = freshKey();
    await (await post(`${app.url}/twice/a`, key)).text();
    const again = await post(`${app.url}/twice/a`, key);
    expect(await again.json()).toEqual({ run: 1 });
    expect(again.headers.get('cache-status')).toMatch(/hit; ttl=(99|100)$/);
    expect((await seen()).passed[`between ${key}`]).toBe(1);
  });

  test('what the first does not take is the second’s, with the fields of what is between left to each request', async () => {
    const key = freshKey();
    const headers = { authorization: 'Bearer t' };
    await (await post(`${app.url}/either/a`, key, { headers })).text();
    const again = await post(`${app.url}/either/a`, key, { headers });
    expect(again.headers.get('cache-status')).toMatch(/hit; ttl=(999|1000)$/);
    expect(again.headers.getSetCookie().filter((cookie) => cookie.startsWith('between'))).toHaveLength(1);
    const put = await fetch(`${app.url}/either/a`, { method: 'PUT', headers: { 'idempotency-key': key } });
    expect(put.headers.get('cache-status')).toBe('oncegate; fwd=miss; stored');
  });
});

test('it can stand before one handler', async () => {
  const key = freshKey();
  await (await post(`${app.url}/one`, key)).text();
  expect((await post(`${app.url}/one`, key)).headers.get('idempotent-replayed')).toBe('true');
});

test('it can stand in an app that is mounted in another', async () => {
  const key = freshKey();
  await (await post(`${app.url}/nested/items`, key)).text();
  expect((await post(`${app.url}/nested/items`, key)).headers.get('idempotent-replayed')).toBe('true');
  const fails = await post(`${app.url}/nested/fails`, freshKey());
  expect(await fails.json()).toEqual({ nested: 'inside' });
  expect(fails.headers.get('cache-status')).toContain('detail=failed');
});

describe('a body that middleware before has read', () => {
  test.each(['text', 'json', 'arrayBuffer', 'stream'])(
    '(%s) comes to the handler all the same',
    async (read) => {
      const key = freshKey();
      const send = () => post(`${app.url}/hooks/in?read=${read}`, key, { body: '{"n": 1}' });
      expect(await (await send()).json()).toEqual({ body: '{"n": 1}', run: 1 });
      expect((await send()).headers.get('idempotent-replayed')).toBe('true');
    },
  );

  test('and has kept nothing of is an error, before anything runs', async () => {
    const key = freshKey();
    const form = new FormData();
    form.set('a', '1');
    const response = await post(`${app.url}/hooks/in?read=formData`, key, { body: form });
    expect(response.status).toBe(500);
    expect((await seen()).runs[key]).toBe(undefined);
  });
});
