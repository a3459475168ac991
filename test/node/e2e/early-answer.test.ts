import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { beforeAll, expect, test } from 'vitest';
import { freshKey } from '../harness/request.ts';
import { useFolder, useGateway, useOrigin } from '../harness/use.ts';

const SIZE = 12 * 1024 * 1024;
const TRIES = 8;

const origin = useOrigin();
const folder = useFolder();

beforeAll(async () => {
  await writeFile(`${folder}/upload`, Buffer.alloc(SIZE));
});

const gateway = useGateway(() => ({
  vars: { UPSTREAM_URL: origin.url, ROUTES: [{ path: '/api/*', stripPrefix: '/api' }] },
}));

/** One that takes a request a minute of each caller. */
const limited = useGateway(() => ({ vars: { UPSTREAM_URL: origin.url }, requestsPerMinute: 1 }));

interface Upload {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Each sends 12 MiB on a connection of its own, and resolves with the status that it read. */
const clients = {
  'node:http': async ({ url, headers }: Upload) => {
    const sent = request(url, { method: 'POST', headers, agent: false });
    sent.end(Buffer.alloc(SIZE));
    const [response] = await once(sent, 'response');
    await text(response);
    return response.statusCode;
  },
  'node:http, chunked': async ({ url, headers }: Upload) => {
    const sent = request(url, { method: 'POST', headers, agent: false });
    for (let at = 0; at < SIZE; at += 65_536) sent.write(Buffer.alloc(65_536));
    sent.end();
    const [response] = await once(sent, 'response');
    await text(response);
    return response.statusCode;
  },
  fetch: async ({ url, headers }: Upload) => {
    const response = await fetch(url, { method: 'POST', headers, body: Buffer.alloc(SIZE) });
    await response.text();
    return response.status;
  },
  curl: async ({ url, headers }: Upload) => {
    const fields = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
    const how = ['-s', '-o', '/dev/null', '-w', '%{http_code}', '-H', 'Expect:'];
    const sent = [...how, ...fields, '--data-binary', `@${folder}/upload`, url];
    return Number((await promisify(execFile)('curl', sent)).stdout);
  },
  'a raw socket': async ({ url, headers }: Upload) => {
    const { hostname, port, host, pathname } = new URL(url);
    const socket = connect(Number(port), hostname).setEncoding('latin1');
    const fields = { host, connection: 'close', 'content-length': String(SIZE), ...headers };
    const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`POST ${pathname} HTTP/1.1\r\n${lines.join('')}\r\n`);
    socket.write(Buffer.alloc(SIZE));
    const answer = (await socket.toArray()).join('');
    return Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);
  },
};

const refusals: [string, number, () => Upload][] = [
  [
    'body-too-large',
    413,
    () => ({ url: `${gateway.url}/api/count`, headers: { 'idempotency-key': freshKey() } }),
  ],
  ['key-missing', 400, () => ({ url: `${gateway.url}/api/count`, headers: {} })],
  ['key-invalid', 400, () => ({ url: `${gateway.url}/api/count`, headers: { 'idempotency-key': 'a b' } })],
  [
    'route-not-found',
    404,
    () => ({ url: `${gateway.url}/elsewhere`, headers: { 'idempotency-key': freshKey() } }),
  ],
];

test.each(
  refusals.flatMap(([slug, status, upload]) =>
    Object.entries(clients).map(([client, send]) => [slug, client, status, upload, send] as const),
  ),
)('%s reaches a client that is still sending: %s', async (_, __, status, upload, send) => {
  for (let attempt = 0; attempt < TRIES; attempt += 1) expect(await send(upload())).toBe(status);
});

test.each(Object.entries(clients))(
  'caller-limit reaches a client that is still sending: %s',
  async (client, send) => {
    const caller = { authorization: `Bearer ${client}` };
    const first = { method: 'POST', headers: { ...caller, 'idempotency-key': freshKey() } };
    await (await fetch(`${limited.url}/count`, first)).text();
    const upload = { url: `${limited.url}/count`, headers: { ...caller, 'idempotency-key': freshKey() } };
    expect(await send(upload)).toBe(429);
  },
);

test('a client that asks whether it may send is told no, and has sent nothing', async () => {
  const headers = { 'idempotency-key': freshKey(), expect: '100-continue', 'content-length': SIZE };
  const sent = request(`${gateway.url}/api/count`, { method: 'POST', headers, agent: false });
  sent.flushHeaders();
  const [response] = await once(sent, 'response');
  expect(response.statusCode).toBe(413);
  sent.destroy();
});

test.each([
  ['nothing', 100, 0],
  ['some of a small body', 100, 50],
  ['some of a large body', 5_000_000, 1_000_000],
])(
  'a body of which %s comes and then no more is a 408, and its connection is closed',
  { concurrent: true },
  async (_, declared, size) => {
    const key = freshKey();
    const { hostname, port, host } = new URL(gateway.url);
    const socket = connect(Number(port), hostname).setEncoding('latin1');
    socket.write(
      `POST /api/count HTTP/1.1\r\nHost: ${host}\r\nIdempotency-Key: ${key}\r\nContent-Length: ${declared}\r\n\r\n`,
    );
    socket.write(Buffer.alloc(size));
    expect((await socket.toArray()).join('')).toMatch(
      /^HTTP\/1\.1 408 .*cache-status: oncegate; detail=request-timeout.*\/problems\/request-timeout/is,
    );
    expect(await origin.runs(key)).toHaveLength(0);
  },
);
