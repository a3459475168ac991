import { afterAll, beforeAll, expect, test } from 'vitest';
import { idempotentFetch } from '../../../src/client/index.js';
import { startGateway } from '../harness/gateway.ts';
import type { RunningScript } from '../harness/process.ts';
import { freshGate, freshKey, post } from '../harness/request.ts';
import { useFolder, useOrigin } from '../harness/use.ts';

const origin = useOrigin();
const storage = useFolder();
let gateway: RunningScript;

const CALLER = { authorization: 'Bearer alice' };
const PREFER = { ...CALLER, prefer: 'respond-async' };

/** The gateway, at the port where it was before, if it was. */
function start(port = 0): Promise<RunningScript> {
  return startGateway({
    storage,
    port,
    vars: {
      UPSTREAM_URL: origin.url,
      RESPOND_ASYNC: 'true',
      LEDGER_SHARDS: 1,
      ROUTES: [
        { path: '/refuse/*', stripPrefix: '/refuse', unknownOutcome: 'refuse' },
        { path: '/cancel/*', stripPrefix: '/cancel', cancelAfterSeconds: 0 },
        { path: '/derived/*', stripPrefix: '/derived', key: 'derived' },
        { path: '/never/*', stripPrefix: '/never', respondAsync: false },
        { path: '/*' },
      ],
    },
  });
}

beforeAll(async () => {
  gateway = await start();
});

afterAll(async () => {
  await gateway?.stop();
});

/** Asks for the result that a 202 points to. */
function ask(
  location: string | null,
  key: string,
  headers: Record<string, string> = CALLER,
): Promise<Response> {
  return fetch(location ?? '', {
    headers: { ...headers, 'idempotency-key': key, 'accept-encoding': 'identity' },
  });
}

function slugOf(problem: { type: string }): string {
  return problem.type.split('/').at(-1) ?? '';
}

test('a caller that prefers it is told at once that its request runs, and fetches the result when it is there', async () => {
  const [key, gate] = [freshKey(), freshGate()];
  const path = `/held/${gate}?a=1&b=%2F`;
  const accepted = await post(`${gateway.url}${path}`, key, { headers: PREFER, body: 'order' });
  expect(accepted.status).toBe(202);
  expect(accepted.headers.get('preference-applied')).toBe('respond-async');
  expect(accepted.headers.get('retry-after')).toBe('2');
  expect(accepted.headers.get('cache-status')).toBe('oncegate; fwd=miss; detail=running');
  expect(await accepted.json()).toEqual({ status: 'running' });
  const location = accepted.headers.get('location');
  expect(location).toBe(`${gateway.url}/_oncegate/results${path}`);

  const early = await ask(location, key);
  expect(early.status).toBe(202);
  expect(early.headers.get('location')).toBe(location);
  await origin.open(gate);
  await expect.poll(async () => (await ask(location, key)).status, { timeout: 20_000 }).toBe(200);
  const result = await ask(location, key);
  expect(result.headers.get('idempotent-replayed')).toBe('true');
  expect(await result.json()).toMatchObject({ run: 1 });
  const again = await post(`${gateway.url}${path}`, key, { headers: PREFER, body: 'order' });
  expect(again.status).toBe(200);
  expect(await origin.runs(key)).toHaveLength(1);
});

test('where keys are derived, a caller that brings one of its own is told, too', async () => {
  const [key, gate] = [freshKey(), freshGate()];
  const accepted = await post(`${gateway.url}/derived/held/${gate}`, key, { headers: PREFER });
  expect(accepted.status).toBe(202);
  await origin.open(gate);
  const location = accepted.headers.get('location');
  await expect.poll(async () => (await ask(location, key)).status, { timeout: 20_000 }).toBe(200);
});

test('a response that comes in the time that the caller waits is answered as ever', async () => {
  const headers = { ...CALLER, prefer: 'respond-async, wait=20' };
  const response = await post(`${gateway.url}/count`, freshKey(), { headers });
  expect(response.status).toBe(200);
  expect(response.headers.has('preference-applied')).toBe(false);
});

test('the upstream never sees the preference, and sees all others', async () => {
  const headers = { ...CALLER, prefer: 'return=minimal, respond-async; x="a,b", wait=20' };
  const seen = await (await post(`${gateway.url}/echo`, freshKey(), { headers })).json();
  const fields: string[] = seen.headers;
  const at = fields.findIndex((name) => name.toLowerCase() === 'prefer');
  expect(fields[at + 1]).toBe('return=minimal');
});

test('nobody else gets the result, and who asks with another cookie is told so', async () => {
  const key = freshKey();
  const headers = { ...PREFER, cookie: 'a=1', prefer: 'respond-async, wait=20' };
  const first = await post(`${gateway.url}/count`, key, { headers });
  expect(first.status).toBe(200);
  const location = `${gateway.url}/_oncegate/results/count`;
  expect((await ask(location, key, { ...CALLER, cookie: 'a=1' })).status).toBe(200);
  const other = await ask(location, key, { ...CALLER, cookie: 'a=2' });
  expect([other.status, slugOf(await other.json())]).toEqual([422, 'key-reused']);
  for (const stranger of [{}, { authorization: 'Bearer bob' }]) {
    const refused = await ask(location, key, stranger);
    expect([refused.status, slugOf(await refused.json())]).toEqual([404, 'result-absent']);
  }
});

test('what was never seen, or failed, has no result; nor has a request without a key', async () => {
  const key = freshKey();
  const at = (path: string) => `${gateway.url}/_oncegate/results${path}`;
  expect((await ask(at('/count'), key)).status).toBe(404);
  await post(`${gateway.url}/status/500`, key, { headers: PREFER });
  await expect.poll(async () => (await ask(at('/status/500'), key)).status).toBe(404);
  expect((await fetch(at('/count'), { headers: CALLER })).status).toBe(400);
  expect((await ask(at('/never/count'), key)).status).toBe(404);
});

test('no cache keeps a result, as another key and caller find another one at its address', async () => {
  const key = freshKey();
  await (await post(`${gateway.url}/cacheable`, key, { headers: CALLER })).text();
  const result = await ask(`${gateway.url}/_oncegate/results/cacheable`, key);
  expect([result.status, result.headers.get('cache-control')]).toEqual([200, 'no-store']);
});

test.each(['42', './42?a=1', '../created/42', '/created/42', '?a=1'])(
  'a result that leads to %s leads there from its own address, too',
  async (to) => {
    const key = freshKey();
    const path = `/created/x?to=${encodeURIComponent(to)}`;
    const created = await post(`${gateway.url}${path}`, key, { headers: CALLER });
    const at = `${gateway.url}/_oncegate/results${path}`;
    const result = await ask(at, key);
    for (const field of ['location', 'content-location']) {
      const meant = new URL(created.headers.get(field) ?? '', `${gateway.url}${path}`);
      expect(new URL(result.headers.get(field) ?? '', at).href).toBe(meant.href);
    }
  },
);

test('without the setting, or with a key that the caller does not know, the preference changes nothing', async () => {
  for (const route of ['never', 'derived']) {
    const headers = route === 'derived' ? { ...PREFER, 'idempotency-key': '' } : PREFER;
    const url = `${gateway.url}/${route}/count`;
    const response =
      route === 'derived'
        ? await fetch(url, { method: 'POST', headers, body: freshKey() })
        : await post(url, freshKey(), { headers });
    expect(response.status).toBe(200);
  }
});

test('a request that its caller comes back for is not one that its clients have left', async () => {
  const [key, gate] = [freshKey(), freshGate()];
  const accepted = await post(`${gateway.url}/cancel/held/${gate}`, key, { headers: PREFER });
  expect(accepted.status).toBe(202);
  await origin.open(gate);
  const location = accepted.headers.get('location');
  await expect.poll(async () => (await ask(location, key)).status, { timeout: 20_000 }).toBe(200);
  expect(await origin.runs(key)).toHaveLength(1);
});

test('after a crash the result is absent under `retry` and unknown under `refuse`; what was recorded is there', async () => {
  const recorded = freshKey();
  await (await post(`${gateway.url}/count`, recorded, { headers: CALLER })).text();
  const [key, gate] = [freshKey(), freshGate()];
  const paths = [`/held/${gate}`, `/refuse/held/${gate}`];
  for (const path of paths) {
    expect((await post(`${gateway.url}${path}`, key, { headers: PREFER })).status).toBe(202);
  }
  await origin.arrived(gate);
  await gateway.kill();
  gateway = await start();
  const at = (path: string) => `${gateway.url}/_oncegate/results${path}`;
  expect((await ask(at('/count'), recorded)).status).toBe(200);
  const [absent, unknown] = await Promise.all(paths.map((path) => ask(at(path), key)));
  expect([absent?.status, slugOf(await absent?.json())]).toEqual([404, 'result-absent']);
  expect([unknown?.status, slugOf(await unknown?.json())]).toEqual([409, 'outcome-unknown']);
  await origin.open(gate);
  const again = await post(`${gateway.url}${paths[0]}`, key, { headers: CALLER });
  expect(again.status).toBe(200);
});

test('the client library comes back for a result, through a crash and a time without any network', async () => {
  const [key, gate] = [freshKey(), freshGate()];
  let reachable = true;
  let sent = 0;
  const fetchOnce = idempotentFetch({
    async: true,
    baseDelayMs: 20,
    fetch: (input, init) => {
      sent += 1;
      return reachable ? fetch(input, withoutWait(init)) : Promise.reject(new TypeError('no network'));
    },
  });
  const pending = fetchOnce(`${gateway.url}/held/${gate}`, {
    method: 'POST',
    headers: { ...CALLER, 'idempotency-key': key },
    body: 'order',
  });
  await origin.arrived(gate);
  reachable = false;
  const before = sent;
  await expect.poll(() => sent, { timeout: 20_000 }).toBeGreaterThan(before + 3);
  await gateway.kill();
  gateway = await start(Number(new URL(gateway.url).port));
  reachable = true;
  await origin.open(gate);
  const response = await pending;
  expect(response.status).toBe(200);
  expect((await response.json()).run).toBe(2);
  expect((await origin.runs(key)).every(({ method }) => method === 'POST')).toBe(true);
});

/** The same request, by a client that does not wait before it comes back. */
function withoutWait(init: RequestInit | undefined): RequestInit {
  const headers = new Headers(init?.headers);
  if (headers.has('prefer')) headers.set('prefer', 'respond-async');
  return { ...init, headers };
}
