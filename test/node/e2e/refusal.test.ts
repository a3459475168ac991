import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startGateway } from '../harness/gateway.ts';
import { freshKey, post } from '../harness/request.ts';
import { useGateway, useOrigin } from '../harness/use.ts';

const origin = useOrigin();
/** An upstream that takes requests and says nothing. */
const silent = createServer();

beforeAll(async () => {
  await once(silent.listen(0, '127.0.0.1'), 'listening');
});

const gateway = useGateway(() => ({
  vars: {
    UPSTREAM_URL: origin.url,
    ROUTES: [
      { path: '/keyed/*', stripPrefix: '/keyed', maxRequestBytes: 1000 },
      { path: '/get/*', stripPrefix: '/get', methods: 'GET' },
      { path: '/nowhere/*', upstream: 'http://127.0.0.1:1' },
      {
        path: '/silent/*',
        upstream: `http://127.0.0.1:${(silent.address() as AddressInfo).port}`,
        upstreamTimeoutSeconds: 1,
      },
    ],
  },
}));

afterAll(() => void silent.close());

async function expectProblem(
  response: Response,
  slug: string,
  status: number,
): Promise<Record<string, unknown>> {
  const type = `${gateway.url}/_oncegate/problems/${slug}`;
  expect(response.status).toBe(status);
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  expect(response.headers.get('content-language')).toBe('en');
  expect(response.headers.get('cache-control')).toBe('no-store');
  expect(response.headers.get('link')).toBe(`<${type}>; rel="describedby"`);
  const problem: Record<string, unknown> = await response.json();
  expect(problem).toMatchObject({ type, status, title: expect.any(String), detail: expect.any(String) });
  const page = await fetch(type);
  expect(page.status).toBe(200);
  expect(page.headers.get('content-type')).toMatch(/^text\/html/);
  expect(await page.text()).toContain(String(problem.title));
  return problem;
}

test('a request without a key is refused where one is required', async () => {
  await expectProblem(await fetch(`${gateway.url}/keyed/count`, { method: 'POST' }), 'key-missing', 400);
});

test.each(['', 'a b', 'x'.repeat(256), '"open', 'a, b', '"a", "b"'])('the key %j is refused', async (key) => {
  await expectProblem(await post(`${gateway.url}/keyed/count`, key), 'key-invalid', 400);
});

test('two key fields are refused', async () => {
  const lines = [
    'POST /keyed/count HTTP/1.1',
    'Host: x',
    'Idempotency-Key: a',
    'Idempotency-Key: b',
    'Content-Length: 0',
  ];
  expect(await exchange(`${lines.join('\r\n')}\r\nConnection: close\r\n\r\n`)).toMatch(
    /^HTTP\/1.1 400 .*key-invalid/s,
  );
});

test.each([
  ['of a known length', (body: string) => body],
  ['of unknown length', (body: string) => new Blob([body]).stream()],
])('a body %s over the limit is refused, one at the limit is not', async (_, make) => {
  const [large, right] = [freshKey(), freshKey()];
  const init = (size: number) => ({ body: make('x'.repeat(size)), duplex: 'half' }) as RequestInit;
  const problem = await expectProblem(
    await post(`${gateway.url}/keyed/count`, large, init(1001)),
    'body-too-large',
    413,
  );
  expect(problem.key).toBe(large);
  expect((await post(`${gateway.url}/keyed/count`, right, init(1000))).status).toBe(200);
  expect(await origin.runs(large)).toHaveLength(0);
});

test('a path that no route matches is refused', async () => {
  await expectProblem(await post(`${gateway.url}/elsewhere`, freshKey()), 'route-not-found', 404);
});

test('an upstream that cannot be reached is a 502, keyed or not', async () => {
  await expectProblem(await post(`${gateway.url}/nowhere/x`, freshKey()), 'upstream-unreachable', 502);
  await expectProblem(await fetch(`${gateway.url}/nowhere/x`), 'upstream-unreachable', 502);
});

test('a GET can be keyed, where a route says so', async () => {
  const key = freshKey();
  const headers = { 'idempotency-key': key };
  await fetch(`${gateway.url}/get/count`, { headers });
  expect((await fetch(`${gateway.url}/get/count`, { headers })).headers.get('idempotent-replayed')).toBe(
    'true',
  );
});

test('a keyed GET with a body is refused, since it could not be sent; an unkeyed one is passed on', async () => {
  const send = (path: string, key: string) =>
    exchange(`GET ${path} HTTP/1.1\r\nHost: x\r\n${key}Content-Length: 3\r\nConnection: close\r\n\r\nabc`);
  expect(await send('/get/echo', 'Idempotency-Key: get-with-body\r\n')).toMatch(
    /^HTTP\/1.1 413 .*body-too-large/s,
  );
  expect(await send('/keyed/echo', '')).toMatch(/^HTTP\/1.1 200 .*"bytes":3/s);
  expect(await origin.runs('get-with-body')).toHaveLength(0);
});

test.each(['POST', 'PUT'])(
  'a status that HTTP does not have is a 502, and not recorded (%s)',
  async (method) => {
    const response = await post(`${gateway.url}/keyed/status/999`, freshKey(), { method });
    expect(response.status).toBe(502);
    expect(await response.json()).toEqual({ run: 1 });
  },
);

test('an unknown page of the gateway is a problem, not a request for the upstream', async () => {
  await expectProblem(await fetch(`${gateway.url}/_oncegate/nothing`), 'route-not-found', 404);
  expect((await fetch(`${gateway.url}/_oncegate/problems/nothing`)).status).toBe(404);
});

test('health is public and tells the version', async () => {
  const response = await fetch(`${gateway.url}/_oncegate/health`);
  expect(await response.json()).toEqual({ status: 'ok', version: expect.stringMatching(/^\d+\.\d+\.\d+/) });
});

test('a gateway with a bad setting lets nothing through, and names it', async () => {
  const misconfigured = await startGateway({
    vars: { UPSTREAM_URL: origin.url, TTL_SECONDS: '0', KEY: 'maybe' },
  });
  const key = freshKey();
  const response = await post(`${misconfigured.url}/count`, key);
  expect(response.status).toBe(500);
  const { type, detail } = await response.json();
  expect(type).toBe(`${misconfigured.url}/_oncegate/problems/config-invalid`);
  expect(detail).toMatch(/TTL_SECONDS must be .*KEY must be/);
  expect((await fetch(type)).status).toBe(200);
  expect((await fetch(`${misconfigured.url}/_oncegate/health`)).status).toBe(500);
  expect(misconfigured.output.filter((line) => line.includes('"event":"config-invalid"'))).toHaveLength(1);
  expect(await origin.runs(key)).toHaveLength(0);
  await misconfigured.stop();
});

/** Sends bytes on a socket and returns what comes back until the gateway closes it. */
async function exchange(bytes: string): Promise<string> {
  const { hostname, port } = new URL(gateway.url);
  const socket = connect(Number(port), hostname).setEncoding('latin1');
  socket.write(bytes);
  return (await socket.toArray()).join('');
}

test('a request without a key that the upstream does not answer in time is a 504, and is let go', async () => {
  const connected = once(silent, 'connection');
  const response = fetch(`${gateway.url}/silent/x`);
  const [socket] = await connected;
  socket.resume();
  const letGo = once(socket, 'close');
  await expectProblem(await response, 'upstream-timeout', 504);
  await letGo;
});

/**
 * How long an odd upstream leaves its connection open: the head of what it began to send is handed on by
 * then.
 */
const OPEN_MS = 200;

/** An upstream that answers each request with these bytes, and then closes. */
async function answering(head: string): Promise<{ url: string; close(): void }> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => {
      socket.write(Buffer.from(`${head}\r\n\r\nok`, 'latin1'));
      setTimeout(() => socket.end(), OPEN_MS);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => void server.close(),
  };
}

const fields = (count: number, value: string) =>
  Array.from({ length: count }, (_, n) => `\r\nX-Field-${n}: ${value}`).join('');

test.each([
  ['a length of 2^53', 'HTTP/1.1 200 OK\r\nContent-Length: 9007199254740992'],
  ['a length of 2^53 − 1', 'HTTP/1.1 200 OK\r\nContent-Length: 9007199254740991'],
  ['a length of 2^63', 'HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775808'],
  ['a length of 2^64', 'HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551616'],
  ['a length that is no number', 'HTTP/1.1 200 OK\r\nContent-Length: abc'],
  ['a length below nothing', 'HTTP/1.1 200 OK\r\nContent-Length: -1'],
  ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3'],
  ['a transfer coding that there is not', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: banana'],
  ['status 0', 'HTTP/1.1 0 x\r\nContent-Length: 2'],
  ['status 100', 'HTTP/1.1 100 Continue'],
  ['status 101', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade'],
  ['status 199', 'HTTP/1.1 199 x\r\nContent-Length: 2'],
  ['status 600', 'HTTP/1.1 600 x\r\nContent-Length: 2'],
  ['status 1000', 'HTTP/1.1 1000 x\r\nContent-Length: 2'],
  ['a status that is none', 'HTTP/1.1 abc x'],
  ['a version of HTTP that there is not', 'HTTP/9.9 200 OK\r\nContent-Length: 2'],
  ['no HTTP', 'junk'],
  ['5 000 fields', `HTTP/1.1 200 OK\r\nContent-Length: 2${fields(5_000, 'x')}`],
  ['50 000 fields', `HTTP/1.1 200 OK\r\nContent-Length: 2${fields(50_000, 'x')}`],
  ['a field of 300 KB', `HTTP/1.1 200 OK\r\nContent-Length: 2${fields(1, 'x'.repeat(300_000))}`],
  ['a NUL in a field', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Field: a\0b'],
  ['a field with no name', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n: x'],
])('whatever the upstream sends ends as an outcome of the contract: %s', async (_, head) => {
  const upstream = await answering(head);
  const odd = await startGateway({ vars: { UPSTREAM_URL: upstream.url } });
  const { hostname, port } = new URL(odd.url);
  const socket = connect(Number(port), hostname).setEncoding('latin1');
  socket.on('error', () => {});
  socket.write(
    'POST /x HTTP/1.1\r\nHost: x\r\nIdempotency-Key: k\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx',
  );
  const answer: string[] = [];
  for await (const chunk of socket) answer.push(chunk);
  expect(answer.join('')).toMatch(/^HTTP\/1\.1 (200|502) .*cache-status: oncegate; fwd=miss/is);
  expect(odd.output.filter((line) => line.includes('"event":"unexpected"'))).toEqual([]);
  await odd.stop();
  upstream.close();
});
