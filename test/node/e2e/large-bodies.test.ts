import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { freshGate, freshKey, post } from '../harness/request.ts';
import { useGateway, useOrigin } from '../harness/use.ts';

const origin = useOrigin();
const gateway = useGateway(() => ({
  vars: {
    UPSTREAM_URL: origin.url,
    ROUTES: [{ path: '/small/*', stripPrefix: '/small', maxRecordBytes: 1_000_000 }, { path: '/*' }],
  },
}));

test.each(['', '?chunked'])('20 MiB come back byte for byte, first and replayed (%s)', async (how) => {
  const key = freshKey();
  const size = 20 * 1024 * 1024;
  const digests = [];
  for (let time = 0; time < 2; time += 1) {
    const response = await post(`${gateway.url}/bytes/${size}${how}`, key);
    const bytes = new Uint8Array(await response.arrayBuffer());
    expect(bytes.byteLength).toBe(size);
    digests.push(createHash('sha256').update(bytes).digest('hex'));
  }
  const direct = await (await fetch(`${origin.url}/bytes/${size}`, { method: 'POST' })).arrayBuffer();
  expect(new Set([...digests, createHash('sha256').update(new Uint8Array(direct)).digest('hex')]).size).toBe(
    1,
  );
  expect(await origin.runs(key)).toHaveLength(1);
});

test('a client that does not read holds nobody back', async () => {
  const key = freshKey();
  const size = 20 * 1024 * 1024;
  const stalled = await post(`${gateway.url}/bytes/${size}`, key);
  const other = await post(`${gateway.url}/bytes/${size}`, key);
  expect((await other.arrayBuffer()).byteLength).toBe(size);
  expect((await stalled.arrayBuffer()).byteLength).toBe(size);
  expect(await origin.runs(key)).toHaveLength(1);
});

test.each(['', '?chunked'])(
  'a response over the limit reaches its client whole and cannot be had again (%s)',
  async (how) => {
    const key = freshKey();
    const size = 30 * 1024 * 1024;
    const first = await post(`${gateway.url}/small/bytes/${size}${how}`, key);
    expect((await first.arrayBuffer()).byteLength).toBe(size);
    const second = await post(`${gateway.url}/small/bytes/${size}${how}`, key);
    expect(second.status).toBe(409);
    expect(await second.json()).toMatchObject({
      type: `${gateway.url}/_oncegate/problems/not-recorded`,
      key,
    });
    expect(await origin.runs(key)).toHaveLength(1);
  },
);

test('everyone who joined a response over the limit gets it whole, too', async () => {
  const key = freshKey();
  const gate = freshGate();
  const size = 20 * 1024 * 1024;
  const url = `${gateway.url}/small/held-bytes/${gate}?size=${size}`;
  const pending = Array.from({ length: 3 }, () => post(url, key));
  await origin.arrived(gate);
  expect((await post(url, key, { headers: { prefer: 'wait=0' } })).status).toBe(409);
  await origin.open(gate);
  const sizes = (await Promise.all(pending)).map(
    async (response) => (await response.arrayBuffer()).byteLength,
  );
  expect(await Promise.all(sizes)).toEqual([size, size, size]);
});

test('an error response of any size reaches its client whole', async () => {
  const size = 5 * 1024 * 1024;
  const response = await post(`${gateway.url}/bytes/${size}?status=500`, freshKey());
  expect(response.status).toBe(500);
  expect((await response.arrayBuffer()).byteLength).toBe(size);
});

test('a large request body reaches the upstream byte for byte', async () => {
  const body = Buffer.alloc(9 * 1024 * 1024, 'body');
  const response = await post(`${gateway.url}/echo`, freshKey(), { body });
  expect(await response.json()).toMatchObject({
    bytes: body.length,
    sha256: createHash('sha256').update(body).digest('hex'),
  });
});
