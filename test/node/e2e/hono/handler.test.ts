import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { seenBy, useShop } from './shop.ts';
import { freshKey, post } from './world.ts';

const app = useShop();
const seen = () => seenBy(app);

interface CameRequest {
  readonly headers: [name: string, value: string][];
}

test('the handler runs once for a key, knows what it runs for, and a retry gets its response', async () => {
  const key = freshKey();
  const first = await post(`${app.url}/orders`, key, { body: 'a book' });
  expect(first.status).toBe(201);
  expect(first.headers.get('cache-status')).toBe('oncegate; fwd=miss; stored');
  const text = await first.text();
  expect(JSON.parse(text)).toEqual({
    run: 1,
    told: { key, execution: expect.stringMatching(/^[\w-]{43}$/) },
    body: 'a book',
  });
  const again = await post(`${app.url}/orders`, key, { body: 'a book' });
  expect(again.status).toBe(201);
  expect(again.headers.get('idempotent-replayed')).toBe('true');
  expect(again.headers.get('content-type')).toBe('application/json');
  expect(await again.text()).toBe(text);
  expect((await seen()).runs[key]).toBe(1);
});

test('duplicates that come while it runs join it', async () => {
  const key = freshKey();
  const answers = await Promise.all([1, 2, 3].map(() => post(`${app.url}/orders/slow`, key)));
  expect(await Promise.all(answers.map((answer) => answer.text()))).toEqual(Array(3).fill('{"run":1}'));
  const collapsed = answers.filter((answer) => answer.headers.get('cache-status')?.includes('collapsed'));
  expect(collapsed).toHaveLength(2);
});

test('a client that leaves stops nothing', async () => {
  const key = freshKey();
  const leaving = new AbortController();
  const left = post(`${app.url}/orders/slow`, key, { signal: leaving.signal });
  await expect.poll(async () => (await seen()).runs[key]).toBe(1);
  leaving.abort();
  await expect(left).rejects.toThrow();
  const retry = await post(`${app.url}/orders/slow`, key);
  expect(await retry.json()).toEqual({ run: 1 });
});

test('another body under the same key is refused, and a missing key too', async () => {
  const key = freshKey();
  await (await post(`${app.url}/orders`, key, { body: 'one' })).text();
  const reused = await post(`${app.url}/orders`, key, { body: 'two' });
  expect(reused.status).toBe(422);
  expect(await reused.json()).toMatchObject({ title: expect.any(String), key });
  const missing = await fetch(`${app.url}/orders`, { method: 'POST', body: 'x' });
  expect(missing.status).toBe(400);
  expect(await missing.json()).toMatchObject({ type: `${app.url}/_oncegate/problems/key-missing` });
});

test('a method that is not keyed goes to the handler as it is', async () => {
  const response = await fetch(`${app.url}/orders`, { headers: { 'idempotency-key': freshKey() } });
  expect(await response.json()).toEqual({ told: null });
  expect(response.headers.get('cache-status')).toBe(null);
});

describe('the handler sees the request as it came', () => {
  test.each([0, 10, 20_000, 3_000_000])('with a body of %i bytes', async (size) => {
    const key = freshKey();
    const body = new Uint8Array(size).map((_, at) => at * 7);
    const init = {
      body: size === 0 ? null : body,
      headers: {
        'x-forwarded-host': 'shop.example',
        authorization: 'Bearer t',
        te: 'trailers',
        via: '1.1 somebody',
        'content-type': 'application/octet-stream',
      },
    };
    const url = `${app.url}/orders/request?a=%20b&c`;
    const came: CameRequest = await (await post(url, key, init)).json();
    const plain: CameRequest = await (await post(`${app.url}/plain/request?a=%20b&c`, key, init)).json();
    expect(came).toEqual({ ...plain, url, headers: expect.anything(), props: expect.anything() });
    expect(came).toMatchObject({
      bytes: size,
      digest: createHash('sha256').update(body).digest('hex'),
      country: expect.any(String),
    });
    const ofTheConnection = (name: string) => ['connection', 'transfer-encoding'].includes(name);
    expect(came.headers).toEqual(plain.headers.filter(([name]) => !ofTheConnection(name)));
  });

  test('and what it gives to waitUntil is done', async () => {
    const key = freshKey();
    await (await post(`${app.url}/orders/request`, key)).text();
    await expect.poll(async () => (await seen()).afterwards).toContain(key);
  });
});

describe('each kind of response is recorded and replayed', () => {
  test('none at all', async () => {
    const key = freshKey();
    for (const replayed of [null, 'true']) {
      const response = await post(`${app.url}/orders/none`, key);
      expect(response.status).toBe(204);
      expect(response.headers.get('idempotent-replayed')).toBe(replayed);
      expect(await response.text()).toBe('');
    }
  });

  test('two cookies, and no other than its own are recorded', async () => {
    const key = freshKey();
    const headers = { authorization: 'Bearer t' };
    const mine = (response: Response) =>
      response.headers.getSetCookie().filter((cookie) => !cookie.startsWith('visit='));
    const first = await post(`${app.url}/orders/cookies`, key, { headers });
    const again = await post(`${app.url}/orders/cookies`, key, { headers });
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(mine(first)).toEqual(['a=1; Path=/', 'b=1; HttpOnly']);
    expect(mine(again)).toEqual(mine(first));
    const visits = [first, again].map((response) =>
      response.headers.getSetCookie().filter((cookie) => cookie.startsWith('visit=')),
    );
    expect(visits.map((cookies) => cookies.length)).toEqual([1, 1]);
    expect(visits[0]).not.toEqual(visits[1]);
  });

  test('a stream, as it comes', async () => {
    const key = freshKey();
    const first = await post(`${app.url}/orders/streamed`, key);
    expect(await first.text()).toBe('first second run 1');
    const again = await post(`${app.url}/orders/streamed`, key);
    expect(await again.text()).toBe('first second run 1');
    expect(again.headers.get('idempotent-replayed')).toBe('true');
  });

  test('events', async () => {
    const key = freshKey();
    const first = await (await post(`${app.url}/orders/events`, key)).text();
    expect(first).toBe('data: run 1\n\ndata: done\n\n');
    const again = await post(`${app.url}/orders/events`, key);
    expect(again.headers.get('content-type')).toMatch(/^text\/event-stream/);
    expect(await again.text()).toBe(first);
  });

  test('one that the handler has coded itself', async () => {
    const key = freshKey();
    for (let n = 0; n < 2; n += 1) {
      const response = await post(`${app.url}/orders/coded`, key, { headers: { 'x-n': String(n) } });
      expect(await response.text()).toBe('what was compressed, '.repeat(100));
    }
    expect((await seen()).runs[key]).toBe(1);
  });
});

test.each([
  ['error', 500, 'Internal Server Error'],
  ['http', 409, 'sold out'],
  ['text', 500, 'Internal Server Error'],
])('a handler that throws (%s) has failed, and a retry runs it again', async (how, status, text) => {
  const key = freshKey();
  const first = await post(`${app.url}/orders/throws/${how}`, key);
  expect(first.status).toBe(status);
  expect(await first.text()).toBe(text);
  expect(first.headers.get('cache-status')).toBe('oncegate; fwd=miss; detail=failed');
  const retry = await post(`${app.url}/orders/throws/${how}`, key);
  expect(await retry.json()).toEqual({ run: 2 });
});

describe('who the caller is', () => {
  test('the app may say: two users with the same key do not see each other', async () => {
    const key = freshKey();
    const asUser = (user: string, token: string) =>
      post(`${app.url}/mine`, key, { headers: { 'x-user': user, authorization: token } });
    expect(await (await asUser('ada', 'Bearer 1')).json()).toEqual({ user: 'ada', run: 1 });
    expect(await (await asUser('bob', 'Bearer 1')).json()).toEqual({ user: 'bob', run: 1 });
    const other = await asUser('ada', 'Bearer 2');
    expect(other.headers.get('idempotent-replayed')).toBe('true');
    expect(await other.json()).toEqual({ user: 'ada', run: 1 });
  });

  test('null is nobody in particular', async () => {
    const key = freshKey();
    await (await post(`${app.url}/nobody`, key, { headers: { authorization: 'Bearer 1' } })).text();
    const again = await post(`${app.url}/nobody`, key, { headers: { authorization: 'Bearer 2' } });
    expect(again.headers.get('idempotent-replayed')).toBe('true');
  });

  test('one that the app has forgotten to find out is not shared by all: nothing runs', async () => {
    const key = freshKey();
    const response = await post(`${app.url}/forgot`, key);
    expect(response.status).toBe(500);
    expect((await seen()).runs[key]).toBe(undefined);
  });
});

test('a key may be in the body, and a body that was searched in vain comes to the handler all the same', async () => {
  const id = freshKey();
  const send = (body: string) =>
    fetch(`${app.url}/events`, { method: 'POST', body, headers: { 'content-type': 'application/json' } });
  const event = JSON.stringify({ id });
  expect(await (await send(event)).json()).toEqual({ told: id, body: event, run: 1 });
  expect((await send(event)).headers.get('idempotent-replayed')).toBe('true');
  expect(await (await send('{"a": 1}')).json()).toMatchObject({ told: null, body: '{"a": 1}' });
});

test('a request that the handler makes to its own app is a request like any other', async () => {
  const [key, order] = [freshKey(), freshKey()];
  const response = await post(`${app.url}/batch?order=${order}`, key);
  const [first, second, replayed] = (await response.json()) as [object, object, string];
  expect(first).toMatchObject({ run: 1, told: { key: order }, body: 'from the batch' });
  expect(second).toEqual(first);
  expect(replayed).toBe('true');
  const direct = await post(`${app.url}/orders`, order, { body: 'from the batch' });
  expect(direct.headers.get('idempotent-replayed')).toBe('true');
});

test('nor does what middleware before asks of its own app pass in the place of the request that may', async () => {
  const [key, also] = [freshKey(), freshKey()];
  const response = await post(`${app.url}/late`, key, { headers: { 'x-also': also } });
  expect(await response.json()).toMatchObject({ told: { key }, run: 1 });
  const again = await post(`${app.url}/late`, key, { headers: { 'x-also': also } });
  expect(again.headers.get('idempotent-replayed')).toBe('true');
  const { runs } = await seen();
  expect([runs[`late ${key}`], runs[`late ${also}`], runs[key]]).toEqual([1, 1, 1]);
});
