import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freshKey, LEDGER, post, RESULTS, type RunningApp, startApp } from './world.ts';

interface Problem {
  readonly type: string;
  readonly detail: string;
}

/** What the first request is told, and the log too, once, however many come. */
async function told(app: RunningApp, path = '/orders'): Promise<string> {
  const response = await post(`${app.url}${path}`, freshKey());
  expect(response.status).toBe(500);
  const { type, detail }: Problem = await response.json();
  expect(type).toBe(`${app.url}/_oncegate/problems/config-invalid`);
  expect((await post(`${app.url}${path}`, freshKey())).status).toBe(500);
  const lines = app.output.filter((line) => line.includes('"event":"config-invalid"'));
  expect(lines).toEqual([expect.stringContaining(JSON.stringify(detail))]);
  return detail;
}

test('a ledger that is not bound: what to put into which file', async () => {
  await using app = await startApp('bare.ts', { env: { RESULTS } });
  const detail = await told(app);
  expect(detail).toContain('wrangler.jsonc');
  expect(detail).toContain('{ "name": "LEDGER", "class_name": "Ledger" }');
  expect(detail).toContain('"new_sqlite_classes": ["Ledger"]');
  expect(detail).toContain('export { Ledger } from "oncegate/hono"');
});

test('what is not keyed is not concerned', async () => {
  await using app = await startApp('bare.ts', { env: {} });
  expect(await (await fetch(`${app.url}/orders`)).text()).toBe('no order');
});

test('no namespace for results', async () => {
  await using app = await startApp('bare.ts', { env: { LEDGER } });
  expect(await told(app)).toContain('"kv_namespaces": [{ "binding": "RESULTS" }]');
});

test('a binding to the ledger of another Worker, whose handler is another', async () => {
  await using app = await startApp('bare.ts', {
    env: { LEDGER: { ...LEDGER, worker: 'other' }, RESULTS },
    workers: [
      {
        name: 'other',
        script: `import { DurableObject } from 'cloudflare:workers';
          export class Ledger extends DurableObject {}
          export default { fetch: () => new Response('other') };`,
        env: {},
        exports: { Ledger: { type: 'durable-object', storage: 'sqlite' } },
      },
    ],
  });
  const detail = await told(app);
  expect(detail).toContain('LEDGER leads to no class of this Worker');
  expect(detail).toContain('export { Ledger } from "oncegate/hono"');
});

test('a class that is bound, but is not the ledger’s', async () => {
  await using app = await startApp('without-ledger.ts', {
    env: { LEDGER: { ...LEDGER, exportName: 'Other' }, RESULTS },
    exports: { Other: { type: 'durable-object', storage: 'sqlite' } },
  });
  expect(await told(app)).toContain('"class_name": "Ledger"');
});

test('a class without SQLite: what to change in its migration', async () => {
  await using app = await startApp('bare.ts', {
    exports: { Ledger: { type: 'durable-object', storage: 'legacy-kv' } },
  });
  const detail = await told(app);
  expect(detail).toContain('"migrations": [{ "tag": "oncegate-v1", "new_sqlite_classes": ["Ledger"] }]');
  expect(detail).toContain('export { Ledger as SqliteLedger } from "oncegate/hono"');
});

test.each(['2025-10-01', '2026-09-30'])(
  'a compatibility date that is too old (%s)',
  async (compatibilityDate) => {
    await using app = await startApp('bare.ts', { compatibilityDate });
    const detail = await told(app);
    expect(detail).toContain('"compatibility_date": "2026-10-01"');
  },
);

test.each(['none', 'own'])('a main file that keeps the context back (%s)', async (ctx) => {
  await using app = await startApp('without-ctx.ts');
  const response = await post(`${app.url}/orders?ctx=${ctx}`, freshKey());
  expect(response.status).toBe(500);
  const { detail }: Problem = await response.json();
  expect(detail).toContain('fetch: (request, env, ctx) => app.fetch(request, env, ctx)');
  expect(app.output.filter((line) => line.includes('config-invalid'))).toHaveLength(1);
});

test('a main file that wraps the context, as tracers do, is fine', async () => {
  await using app = await startApp('without-ctx.ts');
  const key = freshKey();
  expect(await (await post(`${app.url}/orders`, key)).json()).toEqual({ ran: true });
  expect((await post(`${app.url}/orders`, key)).headers.get('idempotent-replayed')).toBe('true');
});

describe('where the ledger does not come to the handler', () => {
  let app: RunningApp;

  beforeAll(async () => {
    app = await startApp('unreached.ts');
  });

  afterAll(() => app[Symbol.asyncDispose]());

  const ran = async () => (await (await fetch(`${app.url}/_ran`)).json()) as string[];

  test('inside app.mount(), which changes the URL, no handler of it runs, and the words say where the middleware goes', async () => {
    const detail = await told(app, '/shop/orders');
    expect(detail).toContain('app.mount()');
    expect(detail).toContain('app.use("/path/*", idempotency())');
    expect(await ran()).not.toContain('shop');
  });

  test('what another handler says there is not taken for the answer', async () => {
    const key = freshKey();
    for (let n = 0; n < 2; n += 1) {
      const response = await post(`${app.url}/other/carts`, key);
      expect(response.status).toBe(500);
      expect(await response.text()).not.toContain('ran');
    }
    expect(await ran()).not.toContain('cart');
  });

  test('of a response whose fields middleware before has dropped, nobody knows that it is the handler’s: it does not run again', async () => {
    const key = freshKey();
    const first = await post(`${app.url}/dropped/a`, key);
    expect(first.status).toBe(500);
    expect(await first.text()).toContain('c.res = undefined');
    expect((await post(`${app.url}/dropped/a`, key)).status).toBe(409);
    expect((await ran()).filter((name) => name === 'dropped')).toHaveLength(1);
  });

  test('middleware before that refuses the ledger’s request refuses the client’s, and nothing is recorded', async () => {
    const key = freshKey();
    for (let n = 0; n < 2; n += 1) {
      const response = await post(`${app.url}/counted/a`, key);
      expect([response.status, await response.text()]).toEqual([429, 'slower']);
      expect(response.headers.has('idempotent-replayed')).toBe(false);
    }
  });
});
