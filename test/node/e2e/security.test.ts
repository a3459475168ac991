import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { freshKey, post } from '../harness/request.ts';
import { useGateway, useOrigin } from '../harness/use.ts';

const origin = useOrigin();
const gateway = useGateway(() => ({ vars: { UPSTREAM_URL: `${origin.url}/echo` } }));

/** Sends a POST exactly as written, with a key of its own, and returns the first line of what comes back. */
async function exchange(
  requestLine: string,
  fields: string[],
  body = '',
): Promise<{ status: string; key: string }> {
  const key = freshKey();
  const { hostname, port } = new URL(gateway.url);
  const socket = connect(Number(port), hostname).setEncoding('latin1');
  const head = [requestLine, `Idempotency-Key: ${key}`, ...fields, 'Connection: close', '', body];
  socket.write(head.join('\r\n'), 'latin1');
  const [status = ''] = (await socket.toArray()).join('').split('\r\n');
  return { status, key };
}

test.each([
  ['two lengths that differ', ['Host: x', 'Content-Length: 3', 'Content-Length: 5'], 'abcde'],
  ['a negative length', ['Host: x', 'Content-Length: -1'], ''],
  ['an unknown transfer coding', ['Host: x', 'Transfer-Encoding: xchunked'], '0\r\n\r\n'],
  ['broken chunks', ['Host: x', 'Transfer-Encoding: chunked'], 'zz\r\nabc\r\n0\r\n\r\n'],
  ['a bare CR in a field', ['Host: x', 'X-A: b\rX-Evil: 1', 'Content-Length: 0'], ''],
  ['a space before a colon', ['Host: x', 'X-A : b', 'Content-Length: 0'], ''],
  ['a folded field', ['Host: x', 'X-A: b\r\n folded', 'Content-Length: 0'], ''],
  ['no host', ['Content-Length: 0'], ''],
])('a request with %s is refused, and nothing reaches the upstream', async (_, fields, body) => {
  const { status, key } = await exchange('POST /a HTTP/1.1', fields, body);
  expect(status).toMatch(/^HTTP\/1\.1 400 /);
  expect(await origin.runs(key)).toHaveLength(0);
});

test('a request with a length and chunks is read as chunks, so that no second one hides in it', async () => {
  const smuggled = '0\r\n\r\nPOST /smuggled HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n';
  const fields = ['Host: x', 'Content-Length: 60', 'Transfer-Encoding: chunked'];
  const { key } = await exchange('POST /a HTTP/1.1', fields, smuggled);
  for (const run of await origin.runs(key)) expect(run).toMatchObject({ url: '/echo/a', bytes: 0 });
  expect((await origin.runs('')).map((run) => run.url)).not.toContain('/echo/smuggled');
});

test.each([
  ['/../../../status/200', '/echo/status/200'],
  ['/%2e%2e/%2E./status/200', '/echo/status/200'],
  ['/..\\..\\status', '/echo/status'],
  ['/..%2f..%2fstatus', '/echo/..%2f..%2fstatus'],
  ['//evil.example/x', '/echo//evil.example/x'],
  ['/@evil.example', '/echo/@evil.example'],
  ['http://evil.example/x', '/echo/x'],
  ['/x?url=http://evil.example', '/echo/x?url=http://evil.example'],
])('the path %s stays at the upstream, below its base', async (path, expected) => {
  const { status, key } = await exchange(`POST ${path} HTTP/1.1`, [
    'Host: evil.example',
    'Content-Length: 0',
  ]);
  expect(status).toMatch(/^HTTP\/1\.1 200 /);
  expect((await origin.runs(key)).map((run) => run.url)).toEqual([expected]);
});

test('a field of a megabyte is refused, and nothing reaches the upstream', async () => {
  const key = freshKey();
  const { hostname, port } = new URL(gateway.url);
  const socket = connect(Number(port), hostname).setEncoding('latin1');
  socket.on('error', () => {});
  socket.write(
    `POST /a HTTP/1.1\r\nHost: x\r\nIdempotency-Key: ${key}\r\nX-Large: ${'x'.repeat(1_000_000)}\r\n\r\n`,
  );
  let answer = '';
  socket.on('data', (text) => {
    answer += text;
  });
  await new Promise((resolve) => socket.once('close', resolve));
  expect(answer).toMatch(/^($|HTTP\/1\.1 4\d\d )/);
  expect(await origin.runs(key)).toHaveLength(0);
});

test('the host that a client names has no say in where its request goes', async () => {
  const fields = [
    'Host: evil.example',
    'X-Forwarded-Host: evil.example',
    'X-Original-URL: /admin',
    'Content-Length: 0',
  ];
  const { key } = await exchange('POST /a HTTP/1.1', fields);
  expect((await origin.runs(key)).map((run) => run.url)).toEqual(['/echo/a']);
});

test.each(['POST', 'GET'])('a client cannot say for the gateway by which host a %s came', async (method) => {
  const lies = {
    'x-forwarded-host': 'evil.example',
    'x-forwarded-proto': 'gopher',
    'x-forwarded-port': '666',
    'x-forwarded-prefix': '/evil',
    forwarded: 'host=evil.example',
  };
  const sent = { ...lies, 'idempotency-key': freshKey(), 'x-forwarded-for': '192.0.2.1' };
  const response = await fetch(`${gateway.url}/a`, { method, headers: sent });
  const { headers } = await response.json();
  const fields = new Headers();
  for (let at = 0; at < headers.length; at += 2) fields.append(headers[at], headers[at + 1]);
  expect(fields.get('x-forwarded-host')).toBe(new URL(gateway.url).host);
  expect(fields.get('x-forwarded-proto')).toBe('http');
  expect(fields.get('x-forwarded-for')).toBe('192.0.2.1');
  for (const name of ['x-forwarded-port', 'x-forwarded-prefix', 'forwarded']) {
    expect(fields.get(name), name).toBeNull();
  }
});

test('a client cannot have its key or its caller taken off by Connection', async () => {
  const key = freshKey();
  const send = (credential: string) =>
    post(`${gateway.url}/a`, key, { headers: { authorization: credential } });
  await send('Bearer alice');
  const { status } = await exchange('POST /a HTTP/1.1', [
    'Host: x',
    'Connection: idempotency-key, authorization',
    'Authorization: Bearer alice',
    'Content-Length: 0',
  ]);
  expect(status).toMatch(/^HTTP\/1\.1 200 /);
  expect((await send('Bearer alice')).headers.get('idempotent-replayed')).toBe('true');
  expect((await send('Bearer mallory')).headers.get('idempotent-replayed')).toBeNull();
});

test('a credential whose bytes cannot be told from others’ is refused', async () => {
  for (const byte of ['\xe8', '\xe9']) {
    const { status, key } = await exchange('POST /a HTTP/1.1', [
      'Host: x',
      `X-Api-Key: k${byte}`,
      'Content-Length: 0',
    ]);
    expect(status).toMatch(/^HTTP\/1\.1 400 /);
    expect(await origin.runs(key)).toHaveLength(0);
  }
});

test('no cache in between may keep a replay that its upstream did not allow', async () => {
  const key = freshKey();
  await post(`${gateway.url}/a`, key);
  expect((await post(`${gateway.url}/a`, key)).headers.get('cache-control')).toBe('no-store');
});

test('what a client sends is not repeated in a page', async () => {
  const response = await fetch(`${gateway.url}/_oncegate/problems/%3Cscript%3Ealert(1)%3C%2Fscript%3E`);
  expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
  expect(await response.text()).not.toContain('<script>');
});

test('no log line holds a key, a credential or a body', async () => {
  const key = 'key-for-no-log';
  await post(`${gateway.url}/a`, key, {
    body: 'body-for-no-log',
    headers: { authorization: 'credential-for-no-log' },
  });
  await post(`${gateway.url}/a`, `${key}, twice`, { body: 'body-for-no-log' });
  await gateway.printed(/"outcome":"key-invalid"/);
  expect(gateway.output.join('\n')).not.toContain('for-no-log');
});
