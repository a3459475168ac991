import { request } from 'node:http';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { freshKey, post } from '../harness/request.ts';
import { useGateway, useOrigin } from '../harness/use.ts';

const origin = useOrigin();

const serviceScript = `
  let runs = 0;
  export default { async fetch(request) {
    runs += 1;
    return Response.json({ run: runs, path: new URL(request.url).pathname, body: await request.text() });
  } };
`;

const gateway = useGateway(() => ({
  services: { BOUND: serviceScript },
  vars: {
    ROUTES: [
      { path: '/service/*', service: 'BOUND', stripPrefix: '/service' },
      { path: '/based/*', upstream: `${origin.url}/echo/base/`, stripPrefix: '/based' },
      { path: '/*', upstream: origin.url },
    ],
  },
}));

/** The response of a request made on a socket of its own, with the fields exactly as given. */
function raw(path: string, method: string, headers: Record<string, string | string[]>): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const sent = request(`${gateway.url}${path}`, { method, headers }, (response) => {
      response.resume().on('end', () => resolve([String(response.statusCode), ...response.rawHeaders]));
    });
    sent.on('error', reject).end();
  });
}

test('a plain proxy hands on a coded body as it is', async () => {
  const response = await fetch(`${gateway.url}/gzip`);
  expect(response.headers.get('content-encoding')).toBe('gzip');
  expect(await response.text()).toBe('what was compressed');
});

test('a 204 is replayed as a 204', async () => {
  const key = freshKey();
  for (let time = 0; time < 2; time += 1) {
    const response = await post(`${gateway.url}/no-content`, key);
    expect(response.status).toBe(204);
    expect(response.body).toBeNull();
  }
  expect(await origin.runs(key)).toHaveLength(1);
});

test('a redirect is handed back, not followed', async () => {
  const key = freshKey();
  const response = await post(`${gateway.url}/redirect`, key);
  expect(response.status).toBe(307);
  expect(response.headers.get('location')).toBe('/count');
  expect(await origin.runs(key)).toHaveLength(1);
});

test('a redirect of a request without a key is handed back, not followed', async () => {
  const response = await fetch(`${gateway.url}/redirect`, { redirect: 'manual' });
  expect(response.status).toBe(307);
  expect(response.headers.get('location')).toBe('/count');
});

test('what the upstream says in the gateway’s name does not reach the client', async () => {
  const key = freshKey();
  const url = `${gateway.url}/impostor`;
  const first = await post(url, key);
  expect(first.headers.get('idempotent-replayed')).toBeNull();
  expect(first.headers.get('cache-status')).toBe('other;hit, oncegate; fwd=miss; stored');
  const replay = await post(url, key);
  expect(replay.headers.get('idempotent-replayed')).toBe('true');
  expect(replay.headers.get('cache-status')).toMatch(/^other;hit, oncegate; hit; ttl=\d+$/);
  const passedOn = await fetch(url);
  expect(passedOn.headers.get('idempotent-replayed')).toBeNull();
  expect(passedOn.headers.get('cache-status')).toBe('other;hit, oncegate; fwd=bypass');
});

test('a field that is not UTF-8 passes a plain proxy as it is', async () => {
  const fields = await raw('/latin', 'GET', {});
  expect(fields[fields.findIndex((name) => name.toLowerCase() === 'x-latin') + 1]).toBe('caf\xe9');
});

test('every cookie that a response sets passes a plain proxy', async () => {
  const response = await fetch(`${gateway.url}/cookies`);
  expect(response.headers.getSetCookie()).toEqual([
    'a=1; Path=/',
    expect.stringMatching(/^b=\d+; HttpOnly$/),
  ]);
});

test('every cookie that a response sets is replayed to its caller', async () => {
  const key = freshKey();
  const headers = { authorization: 'Bearer alice' };
  // From the run, from the ledger, and from what the Worker has just replayed.
  for (let time = 0; time < 3; time += 1) {
    const response = await post(`${gateway.url}/cookies`, key, { headers });
    expect(response.headers.getSetCookie()).toEqual(['a=1; Path=/', 'b=1; HttpOnly']);
  }
});

test('in the anonymous scope, only the first caller gets the cookies', async () => {
  const key = freshKey();
  const first = await post(`${gateway.url}/cookies`, key);
  expect(first.headers.getSetCookie()).toHaveLength(2);
  for (let time = 0; time < 2; time += 1) {
    const replay = await post(`${gateway.url}/cookies`, key);
    expect(replay.headers.getSetCookie()).toHaveLength(0);
    expect(await replay.json()).toEqual({ run: 1 });
  }
});

test('fields of the upstream’s connection go no further, first or replayed', async () => {
  const key = freshKey();
  for (let time = 0; time < 2; time += 1) {
    const response = await post(`${gateway.url}/hop-by-hop`, key);
    expect(response.headers.get('x-public')).toBe('for everybody');
    expect(response.headers.get('x-private')).toBeNull();
    expect(response.headers.get('proxy-authenticate')).toBeNull();
  }
});

test.each(['POST', 'GET'])('fields of the client’s connection go no further in a %s', async (method) => {
  const headers = {
    'idempotency-key': freshKey(),
    connection: 'x-private, close',
    'x-private': 'for this connection only',
    te: 'trailers',
    'proxy-authorization': 'Basic x',
    'x-public': 'for everybody',
  };
  const text = await new Promise<string>((resolve, reject) => {
    request(`${gateway.url}/echo`, { method, headers }, async (response) => {
      resolve(Buffer.concat(await response.toArray()).toString());
    })
      .on('error', reject)
      .end();
  });
  const sent = JSON.parse(text).headers.join('\n').toLowerCase();
  expect(sent).toContain('x-public\nfor everybody');
  expect(sent).toContain('via\n1.1 oncegate-');
  expect(sent).not.toContain('x-private');
  expect(sent).not.toContain('trailers');
  expect(sent).not.toContain('proxy-authorization');
});

test('a path is appended to the upstream’s base, and never leaves it', async () => {
  const url = async (path: string) => (await (await post(`${gateway.url}${path}`, freshKey())).json()).url;
  expect(await url('/based/v1/x?q=1')).toBe('/echo/base/v1/x?q=1');
  expect(await url('/based//evil.example/x')).toBe('/echo/base//evil.example/x');
  expect(await url('/based/a/%2e%2e/..%2fx')).toBe('/echo/base/..%2fx');
  expect(await url('/based')).toBe('/echo/base/');
});

test('methods that are not keyed are passed on as they are, key or no key', async () => {
  const key = freshKey();
  for (const method of ['GET', 'PUT', 'DELETE', 'GET']) {
    const response = await fetch(`${gateway.url}/count`, { method, headers: { 'idempotency-key': key } });
    expect(response.headers.get('cache-status')).toBe('oncegate; fwd=bypass');
  }
  expect(await origin.runs(key)).toHaveLength(4);
});

test('a HEAD tells the length and has no body', async () => {
  const headers = await raw('/bytes/1000', 'HEAD', {});
  expect(headers[0]).toBe('200');
  expect(headers.map((text) => text.toLowerCase())).toContain('content-length');
});

test('a plain proxy streams a large upload, and tells its length', async () => {
  const body = Buffer.alloc(30 * 1024 * 1024, 'x');
  const response = await fetch(`${gateway.url}/echo`, { method: 'PUT', body });
  const echo = await response.json();
  expect(echo.bytes).toBe(body.length);
  expect(echo.headers.join('\n').toLowerCase()).toContain(`content-length\n${body.length}`);
});

test('a WebSocket is passed through', async () => {
  const socket = new WebSocket(`${gateway.url.replace('http', 'ws')}/socket`);
  const answer = new Promise((resolve, reject) => {
    socket.on('open', () => socket.send('hello'));
    socket.on('message', (message) => resolve(String(message)));
    socket.on('error', reject);
  });
  expect(await answer).toBe('echo hello');
  socket.close();
});

test('a client that offers an upgrade which is declined keeps its key', async () => {
  const key = freshKey();
  for (const upgrade of ['h2c', 'websocket', 'h2c']) {
    await raw('/count', 'POST', { 'idempotency-key': key, upgrade, connection: 'upgrade' });
  }
  expect(await origin.runs(key)).toHaveLength(1);
});

test('a route can lead to a service binding', async () => {
  const key = freshKey();
  const first = await post(`${gateway.url}/service/orders`, key, { body: 'order' });
  const second = await post(`${gateway.url}/service/orders`, key, { body: 'order' });
  const passedOn = await fetch(`${gateway.url}/service/orders`);
  const expected = { run: 1, path: '/orders', body: 'order' };
  expect(await first.json()).toEqual(expected);
  expect(await second.json()).toEqual(expected);
  expect(await passedOn.json()).toEqual({ run: 2, path: '/orders', body: '' });
});
