/**
 * Who is told to come back for a result gets it where the app keeps it, and nobody else; and no handler runs
 * for that.
 */
import { once } from 'node:events';
import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { idempotentFetch } from '../../../../src/client/index.js';
import { freshKey, post, type RunningApp, startApp } from './world.ts';

let app: RunningApp;

beforeAll(async () => {
  app = await startApp('reports.ts');
});

afterAll(() => app[Symbol.asyncDispose]());

const ADA = { authorization: 'Bearer ada.1' };
const PREFER = { prefer: 'respond-async' };

interface Seen {
  readonly runs: Record<string, number>;
  readonly touched: Record<string, number>;
}

async function seen(): Promise<Seen> {
  return (await fetch(`${app.url}/_seen`)).json() as Promise<Seen>;
}

/** Comes back. */
function back(path: string, key: string, headers: Record<string, string> = ADA): Promise<Response> {
  return fetch(`${app.url}/_oncegate/results${path}`, {
    redirect: 'manual',
    headers: { ...headers, 'idempotency-key': key },
  });
}

async function slugOf(response: Response): Promise<string> {
  const problem: { type: string } = await response.json();
  return problem.type.split('/').at(-1) ?? '';
}

/** A report of Ada's that runs until its gate is opened. */
async function accepted(): Promise<{ gate: string; key: string; finish: () => Promise<void> }> {
  const [gate, key] = [freshKey(), freshKey()];
  const response = await post(`${app.url}/reports/${gate}?a=1`, key, { headers: { ...ADA, ...PREFER } });
  expect(response.status).toBe(202);
  expect(response.headers.get('location')).toBe(`${app.url}/_oncegate/results/reports/${gate}?a=1`);
  const finish = async () => {
    await fetch(`${app.url}/_open/${gate}`);
    await expect
      .poll(async () => (await back(`/reports/${gate}`, key)).status, { timeout: 20_000 })
      .toBe(200);
  };
  return { gate, key, finish };
}

test('who the caller is, the app says again: another token of the same user gets the result, and it ran once', async () => {
  const { gate, key, finish } = await accepted();
  const early = await back(`/reports/${gate}?a=1`, key);
  expect(early.status).toBe(202);
  expect(early.headers.get('location')).toBe(`${app.url}/_oncegate/results/reports/${gate}?a=1`);
  await finish();
  const result = await back(`/reports/${gate}`, key, { authorization: 'Bearer ada.2' });
  expect(result.headers.get('idempotent-replayed')).toBe('true');
  expect(result.headers.get('x-served')).toBe('yes');
  expect(await result.json()).toEqual({ run: 1, user: 'ada', prefer: null });
  const head = await fetch(`${app.url}/_oncegate/results/reports/${gate}`, {
    method: 'HEAD',
    headers: { ...ADA, 'idempotency-key': key },
  });
  expect([head.status, await head.text()]).toEqual([200, '']);
  expect((await seen()).runs[`ada ${key}`]).toBe(1);
});

test('the client library comes back by itself', async () => {
  const [gate, key] = [freshKey(), freshKey()];
  const fetchOnce = idempotentFetch({
    async: true,
    baseDelayMs: 20,
    fetch: (input, init) => {
      const headers = new Headers(init?.headers);
      if (headers.has('prefer')) headers.set('prefer', 'respond-async');
      return fetch(input, { ...init, headers });
    },
  });
  const headers = { ...ADA, 'idempotency-key': key };
  const pending = fetchOnce(`${app.url}/reports/${gate}`, { method: 'POST', headers });
  await expect.poll(async () => (await seen()).runs[`ada ${key}`]).toBe(1);
  await fetch(`${app.url}/_open/${gate}`);
  expect(await (await pending).json()).toMatchObject({ run: 1 });
});

describe('nobody else gets it', () => {
  test('another user, or nobody, or who is not let in, with the key', async () => {
    const { gate, key, finish } = await accepted();
    await finish();
    const bob = await back(`/reports/${gate}`, key, { authorization: 'Bearer bob.1' });
    expect([bob.status, await slugOf(bob)]).toEqual([404, 'result-absent']);
    // The app knows no user, and its scope says so: a defect, not a caller that all would share.
    expect((await back(`/reports/${gate}`, key, {})).status).toBe(500);
    const revoked = await back(`/reports/${gate}`, key, { authorization: 'Bearer ada.revoked' });
    expect([revoked.status, await revoked.text()]).toEqual([401, 'revoked']);
    const login = await back(`/reports/${gate}`, key, { authorization: 'Bearer ada.login' });
    expect([login.status, login.headers.get('location')]).toEqual([302, 'https://login.example/']);
  });

  test('Ada herself with another key, or with none', async () => {
    const { gate, finish } = await accepted();
    await finish();
    const other = await back(`/reports/${gate}`, freshKey());
    expect([other.status, await slugOf(other)]).toEqual([404, 'result-absent']);
    const without = await fetch(`${app.url}/_oncegate/results/reports/${gate}`, { headers: ADA });
    expect([without.status, await slugOf(without)]).toEqual([400, 'key-missing']);
  });
});

/** Somebody tries to have a handler run, or to read what is guarded by its path alone. */
const TRIES = [
  '/admin/users',
  '/admin/all',
  '/admin/mounted/x',
  '/reports/../admin/users',
  '/reports/%2e%2e/admin/users',
  '/reports/..%2fadmin/users',
  '/%61dmin/users',
  '//admin/users',
  '/plain/a',
  '/_seen',
  '/_open/x',
  '/_oncegate/results/reports/x',
  '/_oncegate/results/_oncegate/results/admin/users',
  '/reports/before',
  '/reports/some',
  '/reports/some/all',
  '/reports/%73ome',
  '//reports/some',
  '/REPORTS/some',
  '/',
  '',
];

test.each(TRIES)('no handler runs, and nothing is read, by %o', async (path) => {
  const before = (await seen()).touched;
  for (const init of [{}, { method: 'HEAD' }, { method: 'OPTIONS' }, { method: 'POST' }, { method: 'PUT' }]) {
    const headers: Record<string, string> = {
      ...ADA,
      'idempotency-key': freshKey(),
      origin: 'https://a.example',
    };
    for (const more of [{}, { 'access-control-request-method': 'GET' }]) {
      const url = `${app.url}/_oncegate/results${path}`;
      const response = await fetch(url, { ...init, redirect: 'manual', headers: { ...headers, ...more } });
      expect(await response.text()).not.toMatch(/secret|(plain|read|all) \d/);
      if (init.method !== 'OPTIONS') expect([400, 404]).toContain(response.status);
    }
  }
  expect((await seen()).touched).toEqual(before);
});

test('what answers before the middleware, whatever the method, is not handed out to those who come back', async () => {
  const response = await back('/reports/before-all', freshKey());
  expect([response.status, await slugOf(response)]).toEqual([404, 'route-not-found']);
});

test('of two that match, each has its own results', async () => {
  const [key, putKey] = [freshKey(), freshKey()];
  const text = await (await post(`${app.url}/either/a`, key, { headers: ADA })).text();
  const put = await fetch(`${app.url}/either/a`, { method: 'PUT', headers: { ...ADA, 'x-put-key': putKey } });
  const putText = await put.text();
  expect(putText).toMatch(/^PUT/);
  expect(await (await back('/either/a', key)).text()).toBe(text);
  const ofPut = await fetch(`${app.url}/_oncegate/results/either/a`, {
    headers: { ...ADA, 'x-put-key': putKey },
  });
  expect(await ofPut.text()).toBe(putText);
  expect((await back('/either/a', freshKey())).status).toBe(404);
});

test('an app that is mounted in another, with an error handler of its own', async () => {
  const key = freshKey();
  const text = await (await post(`${app.url}/nested/items`, key, { headers: ADA })).text();
  expect(await (await back('/nested/items', key)).text()).toBe(text);
  expect((await back('/nested/items', key, { authorization: 'Bearer ada.2' })).status).toBe(404);
});

test('a page of another origin may come back where the app’s CORS lets it', async () => {
  const { gate, key, finish } = await accepted();
  const url = `${app.url}/_oncegate/results/reports/${gate}`;
  const asked = {
    'access-control-request-method': 'GET',
    'access-control-request-headers': 'idempotency-key',
  };
  const preflight = await fetch(url, {
    method: 'OPTIONS',
    headers: { origin: 'https://app.example', ...asked },
  });
  expect(preflight.status).toBe(204);
  expect(preflight.headers.get('access-control-allow-origin')).toBe('https://app.example');
  expect(preflight.headers.get('access-control-allow-headers')).toContain('idempotency-key');
  await finish();
  const result = await back(`/reports/${gate}`, key, { ...ADA, origin: 'https://app.example' });
  expect(result.headers.get('access-control-allow-origin')).toBe('https://app.example');
  const stranger = await fetch(url, {
    method: 'OPTIONS',
    headers: { origin: 'https://b.example', ...asked },
  });
  expect(stranger.headers.get('access-control-allow-origin')).not.toBe('https://b.example');
});

describe('where they are fetched', () => {
  let placed: RunningApp;

  beforeAll(async () => {
    placed = await startApp('placed.ts');
  });

  afterAll(() => placed[Symbol.asyncDispose]());

  test.each([
    ['forgotten', 'app.use(results({ app }))'],
    ['after', 'before everything else'],
    ['elsewhere', 'app.use(results({ app }))'],
    ['inner', 'Give it the app that the Worker exports'],
    ['single', 'app.use(PATH, idempotency({ respondAsync: true, … })) before the handler'],
    ['wrapped', 'do not wrap it'],
  ])(
    'a place that is %s is an error at the first request, whether it prefers to come back or not',
    async (name, words) => {
      for (const headers of [{}, PREFER]) {
        const response = await post(`${placed.url}/${name}/a`, freshKey(), { headers });
        expect(response.status).toBe(500);
        const { type, detail }: { type: string; detail: string } = await response.json();
        expect(type).toMatch(/\/config-invalid$/);
        expect(detail).toContain(words);
        expect(
          placed.output.filter((line) => line.includes(JSON.stringify(detail).slice(1, -1))),
        ).not.toEqual([]);
      }
    },
  );

  test('nobody goes into an app that the place does not belong to', async () => {
    const response = await fetch(`${placed.url}/_oncegate/results/inner/a`, { headers: ADA });
    expect([response.status, await slugOf(response)]).toEqual([500, 'config-invalid']);
  });

  test.each([
    ['operated', '/operated/a', '/_oncegate/results/operated/a'],
    ['hosted', '/hosted/a', '/_oncegate/results/hosted/a'],
    ['v1', '/v1/reports/a', '/v1/_oncegate/results/v1/reports/a'],
  ])('the operator’s surface has a place, and so has an app under a base path (%s)', async (_, path, at) => {
    const key = freshKey();
    const first = await post(`${placed.url}${path}`, key, { headers: PREFER });
    if (first.status === 202) expect(first.headers.get('location')).toBe(`${placed.url}${at}`);
    else expect(await first.text()).toBe('ran');
    const result = () => fetch(`${placed.url}${at}`, { headers: { 'idempotency-key': key } });
    await expect.poll(async () => (await result()).status).toBe(200);
    expect(await (await result()).text()).toBe('ran');
  });

  test('the operator’s own host has none', async () => {
    const key = freshKey();
    await (await post(`${placed.url}/hosted/a`, key)).text();
    const headers = { 'idempotency-key': key, host: 'ops.example' };
    const asked = request(`${placed.url}/_oncegate/results/hosted/a`, { headers }).end();
    const [response]: { statusCode: number }[] = await once(asked, 'response');
    expect(response?.statusCode).toBe(404);
  });
});
