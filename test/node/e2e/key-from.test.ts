import { describe, expect, test } from 'vitest';
import { echoed, replayed, sendJson, sha256 } from '../harness/json-request.ts';
import { freshGate, freshKey } from '../harness/request.ts';
import { useGateway, useOrigin } from '../harness/use.ts';

const origin = useOrigin();
const gateway = useGateway(() => ({
  vars: {
    LEDGER_SHARDS: 1,
    UPSTREAM_URL: origin.url,
    KEY_FROM: 'json:/idempotency_key',
    ROUTES: [
      {
        path: '/aws/*',
        stripPrefix: '/aws',
        keyFrom: 'query:ClientToken',
        methods: 'POST,GET',
        maxRequestBytes: 1_000,
      },
      {
        path: '/any/*',
        stripPrefix: '/any',
        keyFrom: 'Idempotency-Key,query:requestId,json:/requestId,json:/request/id',
        fingerprint: 'json',
      },
      { path: '/named/*', stripPrefix: '/named', forwardKeyAs: 'Idempotency-Key' },
      { path: '/dropped/*', stripPrefix: '/dropped', forwardKeyAs: 'none' },
      { path: '/derived/*', stripPrefix: '/derived', key: 'derived' },
      { path: '/async/*', stripPrefix: '/async', respondAsync: true },
      {
        path: '/async-query/*',
        stripPrefix: '/async-query',
        keyFrom: 'query:token',
        respondAsync: true,
      },
      {
        path: '/page/*',
        stripPrefix: '/page',
        keyFrom: 'json:/id,X-Order-Token',
        corsOrigins: 'https://app.example.com',
      },
      { path: '/*' },
    ],
  },
}));

function send(path: string, body: object | string, init?: RequestInit): Promise<Response> {
  return sendJson(`${gateway.url}${path}`, body, init);
}

describe('a key in the body', () => {
  test('makes a payment run once, and the body goes on as it is, without a header', async () => {
    const payment = `{ "idempotency_key" : "${freshKey()}", "amount_money": {"amount": 100} }`;
    const first = await send('/echo/v2/payments', payment);
    const second = await send('/echo/v2/payments', payment);
    expect([replayed(first), replayed(second)]).toEqual([false, true]);
    const { headers, sha256: sum } = await echoed(second);
    expect(sum).toBe(sha256(payment));
    expect(headers.get('idempotency-key')).toBeNull();
  });

  test('names the execution: another body under it is refused, another key runs', async () => {
    const [one, two] = [freshKey(), freshKey()];
    await send('/count', { idempotency_key: one, amount: 1 });
    const changed = await send('/count', { idempotency_key: one, amount: 2 });
    expect(changed.status).toBe(422);
    expect(await changed.json()).toMatchObject({ key: one });
    expect((await send('/count', { idempotency_key: two, amount: 2 })).status).toBe(200);
  });

  test('joins the request that runs under it', async () => {
    const gate = freshGate();
    const body = { idempotency_key: freshKey() };
    const first = send(`/held/${gate}`, body);
    await origin.arrived(gate);
    const second = send(`/held/${gate}`, body);
    await origin.open(gate);
    const answers = await Promise.all([first, second]);
    expect(answers.map((answer) => answer.headers.get('cache-status')).sort()).toEqual([
      'oncegate; fwd=miss; collapsed',
      'oncegate; fwd=miss; stored',
    ]);
  });

  test('may be an integer that no double holds', async () => {
    const key = `90071992547409${Math.floor(Math.random() * 1e9)}`;
    const send1 = (suffix: string) => send('/count', `{"idempotency_key":${key}${suffix}}`);
    expect(replayed(await send1('2'))).toBe(false);
    expect(replayed(await send1('3'))).toBe(false);
    expect(replayed(await send1('3'))).toBe(true);
  });

  test('is found in a body of many megabytes, behind all the rest', async () => {
    const body = JSON.stringify({
      media: 'x'.repeat(8_000_000),
      list: Array(100_000).fill({}),
      idempotency_key: freshKey(),
    });
    const first = await echoed(await send('/echo', body));
    expect(first.sha256).toBe(sha256(body));
    expect(replayed(await send('/echo', body))).toBe(true);
  });

  test('goes on in a header where that is wanted', async () => {
    const key = freshKey();
    const { headers } = await echoed(await send('/named/echo', { idempotency_key: key }));
    expect(headers.get('idempotency-key')).toBe(key);
    const spaced = await echoed(await send('/named/echo', { idempotency_key: `${key} "x"` }));
    expect(spaced.headers.get('idempotency-key')).toBe(`"${key} \\"x\\""`);
  });

  test('stays in the body where it is to be dropped', async () => {
    const body = JSON.stringify({ idempotency_key: freshKey() });
    const { sha256: sum, headers } = await echoed(await send('/dropped/echo', body));
    expect(sum).toBe(sha256(body));
    expect(headers.get('idempotency-key')).toBeNull();
  });

  test('belongs to its caller', async () => {
    const body = { idempotency_key: freshKey() };
    const as = (authorization: string) => send('/count', body, { headers: { authorization } });
    expect(replayed(await as('a'))).toBe(false);
    expect(replayed(await as('b'))).toBe(false);
    expect(replayed(await as('a'))).toBe(true);
  });
});

test.each([
  ['is no JSON', '{"idempotency_key":"a"'],
  ['has no such member', '{"a":1}'],
  ['has null there', '{"idempotency_key":null}'],
  ['is a form', 'idempotency_key=a'],
  ['is empty', ''],
  ['is JSON of 9 MB', JSON.stringify({ list: Array(900_000).fill({ id: 1 }) })],
])('a body that %s has no key, and the problem says where one was looked for', async (_, body) => {
  const response = await send('/count', body);
  expect(response.status).toBe(400);
  const { type, detail } = await response.json();
  expect(type).toMatch(/key-missing$/);
  expect(detail).toContain('Send one in the JSON body at /idempotency_key, ');
});

test.each([
  ['twice', '{"idempotency_key":"a","idempotency_key":"b"}', /JSON body at \/idempotency_key .*stands twice/],
  ['too long', `{"idempotency_key":"${'x'.repeat(256)}"}`, /JSON body at \/idempotency_key .*255 characters/],
  ['never made', '{"idempotency_key":"null"}', /JSON body at \/idempotency_key .*made no key/],
])('a body whose key is %s is refused', async (_, body, why) => {
  const response = await send('/count', body);
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({
    type: expect.stringMatching(/key-invalid$/),
    detail: expect.stringMatching(why),
  });
});

describe('a key in the query', () => {
  test('makes a request run once, and stays there', async () => {
    const path = `/aws/echo?Action=RunInstances&ClientToken=${freshKey()}`;
    const [first, second] = [await send(path, ''), await send(path, '')];
    expect([replayed(first), replayed(second)]).toEqual([false, true]);
    const { url, headers } = await echoed(first);
    expect(`/aws${url}`).toBe(path);
    expect(headers.get('idempotency-key')).toBeNull();
  });

  test('of a GET too', async () => {
    const url = `${gateway.url}/aws/count?ClientToken=${freshKey()}`;
    expect(replayed(await fetch(url))).toBe(false);
    expect(replayed(await fetch(url))).toBe(true);
  });

  test('that stands there twice is refused', async () => {
    const response = await send('/aws/count?ClientToken=a&ClientToken=b', '');
    expect(await response.json()).toMatchObject({
      detail: expect.stringContaining('the query parameter ClientToken is not an idempotency key'),
    });
  });
});

describe('with several places', () => {
  test('the first that holds a key counts, and JSON may be spelt anew', async () => {
    const [header, query, body] = [freshKey(), freshKey(), freshKey()];
    const sent = { requestId: body, request: { id: 'x' } };
    const key = async (response: Response) => (await response.json()).key ?? null;
    const clash = { ...sent, more: 1 };
    const headers = { 'idempotency-key': header };
    await send(`/any/count?requestId=${query}`, sent, { headers });
    expect(await key(await send(`/any/count?requestId=${query}`, clash, { headers }))).toBe(header);
    await send(`/any/count?requestId=${query}`, sent);
    expect(await key(await send(`/any/count?requestId=${query}`, clash))).toBe(query);
    await send('/any/count', sent);
    expect(await key(await send('/any/count', clash))).toBe(body);
    const spelt = `{ "request": {"id": "\\u0078"}, "requestId": "${body}" }`;
    expect(replayed(await send('/any/count', spelt))).toBe(true);
  });

  test('a missing key is told where all of them are', async () => {
    const { detail } = await (await send('/any/count', '{}')).json();
    expect(detail).toContain(
      'Send one in Idempotency-Key, the query parameter requestId, the JSON body at /requestId or the JSON body at /request/id, ',
    );
  });
});

test('where a key is derived, a body without one is its own', async () => {
  const body = { name: freshKey() };
  expect(replayed(await send('/derived/count', body))).toBe(false);
  expect(replayed(await send('/derived/count', body))).toBe(true);
  const keyed = { ...body, idempotency_key: freshKey() };
  expect(replayed(await send('/derived/count', keyed))).toBe(false);
  expect((await send('/derived/count', { ...keyed, name: 'other' })).status).toBe(422);
});

describe('the result of a request that was not waited for is fetched', () => {
  const AT_ONCE = { headers: { prefer: 'respond-async' } };

  test('with the key of its body in Idempotency-Key', async () => {
    const [gate, key] = [freshGate(), freshKey()];
    const accepted = await send(`/async/held/${gate}`, { idempotency_key: key }, AT_ONCE);
    expect(accepted.status).toBe(202);
    const location = accepted.headers.get('location') ?? '';
    const result = () => fetch(location, { headers: { 'idempotency-key': key } });
    expect((await result()).status).toBe(202);
    await origin.open(gate);
    await expect.poll(async () => (await result()).status, { timeout: 20_000 }).toBe(200);
    const { detail } = await (await fetch(location)).json();
    expect(detail).toContain('Send one in Idempotency-Key, ');
  });

  test('where a key in the query leads', async () => {
    const gate = freshGate();
    const accepted = await send(`/async-query/held/${gate}?token=${freshKey()}`, {}, AT_ONCE);
    expect(accepted.status).toBe(202);
    await origin.open(gate);
    const result = () => fetch(accepted.headers.get('location') ?? '');
    await expect.poll(async () => (await result()).status, { timeout: 20_000 }).toBe(200);
  });
});

describe('a field that a key may be in', () => {
  test('names no caller, even where the key is in the body', async () => {
    const body = { id: freshKey() };
    await send('/page/count', body, { headers: { 'x-order-token': 'a' } });
    expect(replayed(await send('/page/count', body, { headers: { 'x-order-token': 'b' } }))).toBe(true);
  });

  test('is one that pages of other origins may send', async () => {
    const response = await fetch(`${gateway.url}/page/count`, {
      method: 'OPTIONS',
      headers: { origin: 'https://app.example.com', 'access-control-request-method': 'POST' },
    });
    expect(response.headers.get('access-control-allow-headers')).toContain('X-Order-Token');
  });
});
