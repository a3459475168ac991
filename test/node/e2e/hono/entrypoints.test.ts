import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freshKey, LEDGER, post, type RunningApp, startApp } from './world.ts';

const TOKEN = 'the-admin-token-of-the-tests';

let app: RunningApp;

/** Asks the app through service bindings: `props` are what its configuration says. */
const FRONT = `export default {
  fetch(request, env) {
    const name = request.headers.get('x-through');
    return name === null ? env.APP.fetch(request) : env[name].fetch(request);
  },
};`;

beforeAll(async () => {
  app = await startApp('entrypoints.ts', {
    env: {
      ONCE: LEDGER,
      ONCE_RESULTS: { type: 'kv', id: 'once' },
      COUNTERS: { type: 'durable-object', worker: 'app', exportName: 'Counter' },
      ADMIN_TOKEN: { type: 'text', value: TOKEN },
    },
    exports: {
      Ledger: { type: 'durable-object', storage: 'sqlite' },
      Counter: { type: 'durable-object', storage: 'sqlite' },
    },
    front: {
      script: FRONT,
      env: {
        APP: { type: 'worker', worker: 'app' },
        STAFF: { type: 'worker', worker: 'app', exportName: 'Staff' },
        ADA: { type: 'worker', worker: 'app', props: { tenant: 'ada' } },
        BOB: { type: 'worker', worker: 'app', props: { tenant: 'bob' } },
      },
    },
  });
});

afterAll(() => app[Symbol.asyncDispose]());

test('a class as default export, under a base path, with bindings of other names and other objects beside', async () => {
  const key = freshKey();
  const first = await (await post(`${app.url}/v1/orders`, key)).text();
  const again = await post(`${app.url}/v1/orders`, key);
  expect(again.headers.get('idempotent-replayed')).toBe('true');
  expect(await again.text()).toBe(first);
});

test('an app behind another export is called there', async () => {
  const key = freshKey();
  const headers = { 'x-through': 'STAFF' };
  const first = await post(`${app.url}/anything`, key, { headers });
  expect(await first.json()).toEqual({ staff: 1 });
  const again = await post(`${app.url}/anything`, key, { headers });
  expect(again.headers.get('idempotent-replayed')).toBe('true');
});

test('the props of a service binding reach the handler, and tell its callers apart', async () => {
  const key = freshKey();
  const as = async (through: string) =>
    (await post(`${app.url}/v1/orders`, key, { headers: { 'x-through': through } })).json();
  const ada = await as('ADA');
  expect(ada).toMatchObject({ props: { tenant: 'ada' } });
  expect(await as('BOB')).toMatchObject({ props: { tenant: 'bob' } });
  expect(await as('ADA')).toEqual(ada);
});

describe('the operator’s surface', () => {
  const operator = (path: string) =>
    fetch(`${app.url}/_oncegate/${path}`, { headers: { authorization: `Bearer ${TOKEN}` } });

  test('shows what ran, under the pattern of its middleware', async () => {
    const key = freshKey();
    await (await post(`${app.url}/v1/orders`, key)).text();
    const list = await (await operator(`executions?key=${key}`)).json();
    expect(list).toMatchObject({ executions: [{ state: 'completed', route: '/v1/orders/*' }] });
    expect((await fetch(`${app.url}/_oncegate/executions`)).status).toBe(401);
  });

  test('has the pages that problems name, and health', async () => {
    const problem: { type: string } = await (await fetch(`${app.url}/v1/orders`, { method: 'POST' })).json();
    const page = await fetch(problem.type);
    expect(page.status).toBe(200);
    expect(await page.text()).toContain('key is missing');
    expect((await fetch(`${app.url}/_oncegate/health`)).status).toBe(200);
  });

  test('forgets an execution, so that the next request runs', async () => {
    const key = freshKey();
    const first = await (await post(`${app.url}/v1/orders`, key)).json();
    const { executions }: { executions: { id: string }[] } = await (
      await operator(`executions?key=${key}`)
    ).json();
    const forgotten = await fetch(`${app.url}/_oncegate/executions/${executions[0]?.id}`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    expect(forgotten.status).toBe(204);
    expect(await (await post(`${app.url}/v1/orders`, key)).json()).not.toEqual(first);
  });
});
