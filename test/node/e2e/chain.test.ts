import { createServer } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { startGateway } from '../harness/gateway.ts';
import { type Origin, startOrigin } from '../harness/origin.ts';
import type { RunningScript } from '../harness/process.ts';
import { freshKey, post } from '../harness/request.ts';

const running: (RunningScript | Origin)[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((each) => each.stop()));
});

async function gatewayBefore(upstream: string, port?: number, vars: object = {}): Promise<RunningScript> {
  const options = { vars: { UPSTREAM_URL: upstream, ...vars }, ...(port === undefined ? {} : { port }) };
  const gateway = await startGateway(options);
  running.push(gateway);
  return gateway;
}

async function origin(): Promise<Origin> {
  const started = await startOrigin();
  running.push(started);
  return started;
}

/** A port that was free a moment ago. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

async function expectLoop(gateway: RunningScript): Promise<void> {
  for (const response of [await fetch(`${gateway.url}/x`), await post(`${gateway.url}/x`, freshKey())]) {
    expect(response.status).toBe(508);
    expect(await response.json()).toMatchObject({ status: 508, error: { code: 'loop-detected' } });
  }
  expect(gateway.output.filter((line) => line.includes('"event":"loop-detected"'))).toHaveLength(2);
}

test('a gateway that is its own upstream says so at the first hop', async () => {
  const port = await freePort();
  await expectLoop(await gatewayBefore(`http://127.0.0.1:${port}`, port));
});

test('a gateway that is its own upstream by way of another one says so', async () => {
  const port = await freePort();
  const other = await gatewayBefore(`http://127.0.0.1:${port}`);
  await expectLoop(await gatewayBefore(other.url, port));
});

test('gateways may stand in a row', async () => {
  const { url, runs } = await origin();
  const near = await gatewayBefore(url);
  const middle = await gatewayBefore(near.url);
  const far = await gatewayBefore(middle.url);
  const key = freshKey();
  for (const expected of ['oncegate; fwd=miss; stored', expect.stringMatching(/^oncegate; hit; ttl=\d+$/)]) {
    const response = await post(`${far.url}/count`, key);
    expect(await response.json()).toEqual({ run: 1 });
    expect(response.headers.get('cache-status')).toEqual(expected);
  }
  expect((await fetch(`${far.url}/count`)).status).toBe(200);
  expect(await runs(key)).toHaveLength(1);
});

test.each([
  ['set', 'through the gateway'],
  ['pass', 'as the client says'],
  ['drop', null],
])('with FORWARDED=%s, the upstream is told that a request came %s', async (forwarded, told) => {
  const { url } = await origin();
  const gateway = await gatewayBefore(url, undefined, { FORWARDED: forwarded });
  const headers = { 'x-forwarded-host': 'as the client says' };
  for (const method of ['GET', 'POST']) {
    const sent = { method, headers: { ...headers, 'idempotency-key': freshKey() } };
    const echo: { headers: string[] } = await (await fetch(`${gateway.url}/echo`, sent)).json();
    const at = echo.headers.findIndex((name) => name.toLowerCase() === 'x-forwarded-host');
    const expected = told === 'through the gateway' ? new URL(gateway.url).host : (told ?? undefined);
    expect(at < 0 ? undefined : echo.headers[at + 1]).toBe(expected);
  }
});
