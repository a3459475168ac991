import { describe, expect, test } from 'vitest';
import { echoed, replayed, sendJson, sha256 } from '../harness/json-request.ts';
import { freshKey } from '../harness/request.ts';
import { useGateway, useOrigin } from '../harness/use.ts';

const origin = useOrigin();
const gateway = useGateway(() => ({
  vars: {
    LEDGER_SHARDS: 1,
    UPSTREAM_URL: origin.url,
    KEY_FROM: 'json:/idempotency_key',
    ROUTES: [
      { path: '/google/*', stripPrefix: '/google', keyFrom: 'json:/requestId', key: 'optional' },
      { path: '/small/*', stripPrefix: '/small', key: 'optional', maxRequestBytes: 1_000 },
      { path: '/get/*', stripPrefix: '/get', key: 'optional', methods: 'GET,POST' },
    ],
  },
}));

function send(path: string, body: object | string, init?: RequestInit): Promise<Response> {
  return sendJson(`${gateway.url}${path}`, body, init);
}

describe('where a key is optional, a body without one passes through as it is', () => {
  test.each([
    ['small', JSON.stringify({ name: 'x' })],
    ['empty', ''],
    ['no JSON', 'a=1&b=2'],
    ['of 9 MB', JSON.stringify({ name: 'x'.repeat(9_000_000) })],
  ])('%s', async (_, body) => {
    for (let time = 0; time < 2; time += 1) {
      const response = await send('/google/echo?a=b', body, { headers: { 'x-extra': '1' } });
      expect(response.headers.get('cache-status')).toBe('oncegate; fwd=bypass');
      const { headers, bytes, sha256: sum, url } = await echoed(response);
      expect({ bytes, sum, url }).toEqual({
        bytes: Buffer.byteLength(body),
        sum: sha256(body),
        url: '/echo?a=b',
      });
      expect(headers.get('content-type')).toBe('application/json');
      expect(headers.get('x-extra')).toBe('1');
      expect(headers.get('via')).toMatch(/oncegate/);
      expect(headers.get('expect')).toBeNull();
    }
  });

  test('and one with a key runs once', async () => {
    const body = { requestId: freshKey() };
    expect(replayed(await send('/google/count', body))).toBe(false);
    expect(replayed(await send('/google/count', body))).toBe(true);
  });

  test('and its redirects, errors and early answers are handed back', async () => {
    const response = await send('/google/redirect/307', { a: 1 }, { redirect: 'manual' });
    expect(response.status).toBe(307);
    expect((await send('/google/status/503', { a: 1 })).status).toBe(503);
    const broken = await send('/google/reset/before-head', { a: freshKey() });
    expect([200, 502]).toContain(broken.status);
  });

  test('but for one that is too large to look into', async () => {
    const response = await send('/small/echo', 'x'.repeat(1_001));
    expect(response.status).toBe(413);
  });

  test('and a GET is not looked into', async () => {
    const response = await fetch(`${gateway.url}/get/echo`);
    expect(response.headers.get('cache-status')).toBe('oncegate; fwd=bypass');
  });
});
