import { join } from 'node:path';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { launch, skipped, warnIfSkipped } from '../../browser/chromium.ts';
import { root } from './build.ts';
import { serve, status } from './server.ts';
import { type Answer, type StandIn, type StandInOptions, standIn } from './stand-in.ts';

/** The form of the recipe: its key is drawn when the form is shown. */
const FORM = `
<!doctype html>
<form id="order"><input name="item" value="book"><button>Order</button></form>
<ol id="answers"></ol>
<script type="module">
  import { idempotentFetch, randomKey } from '/client.js';

  const form = document.querySelector('#order');
  const fetchOnce = idempotentFetch({ baseDelayMs: 1 });
  const key = randomKey();

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const headers = { 'Idempotency-Key': key };
    const response = await fetchOnce('/orders', { method: 'POST', headers, body: new FormData(form) });
    const answer = document.createElement('li');
    answer.textContent = await response.text();
    document.querySelector('#answers').append(answer);
  });
</script>`;

const STORE_FORM = FORM.replace('idempotentFetch,', 'idempotentFetch, MemoryStore, requestKey,')
  .replace('{ baseDelayMs: 1 }', '{ store: new MemoryStore({ ttlMs: 10_000 }), key: requestKey }')
  .replace(`const headers = { 'Idempotency-Key': key };`, '')
  .replace('headers, ', '');

// With CI=true a missing browser is a failure, so this is not skipped there.
warnIfSkipped('the form in a browser');

describe.skipIf(skipped)('in Chromium', () => {
  let browser: Browser;
  let bundle: string;

  beforeAll(async () => {
    const { outputFiles } = await build({
      entryPoints: [join(root, 'dist/client/index.js')],
      bundle: true,
      write: false,
      format: 'esm',
      platform: 'browser',
    });
    bundle = outputFiles[0]?.text ?? '';
    browser = await launch();
  });

  afterAll(() => browser?.close());

  /**
   * A shop: its pages, the library, and its orders behind the gateway. `cut` counts the orders' connections
   * only.
   */
  async function shop(orders: (number: number) => Answer, cut?: StandInOptions['cut']): Promise<StandIn> {
    let connections = 0;
    let executed = 0;
    const pages: Record<string, [mediaType: string, text: string]> = {
      '/': ['text/html', FORM],
      '/store': ['text/html', STORE_FORM],
      '/client.js': ['text/javascript', bundle],
    };
    const counting = (): number | undefined => {
      connections += 1;
      return cut?.(connections);
    };
    return standIn(
      ({ method, path }) => {
        if (method === 'POST') {
          executed += 1;
          return orders(executed);
        }
        const [mediaType, text] = pages[path] ?? ['text/plain', ''];
        return { headers: { 'content-type': mediaType }, chunks: [text] };
      },
      { cut: counting },
    );
  }

  const ordersOf = ({ executions }: StandIn) => executions.filter(({ method }) => method === 'POST');

  async function open(url: string): Promise<Page> {
    const page = await browser.newPage();
    await page.goto(url, { waitUntil: 'load' });
    return page;
  }

  async function answers(page: Page, count: number): Promise<string[]> {
    await page
      .locator('#answers li')
      .nth(count - 1)
      .waitFor();
    return page.locator('#answers li').allTextContents();
  }

  test('a double click sends one order, and both clicks get its answer', async () => {
    await using server = await shop((number) => ({ status: 201, chunks: [`order ${number}`] }));
    const page = await open(server.url);
    await page.getByRole('button').dblclick();
    expect(await answers(page, 2)).toEqual(['order 1', 'order 1']);
    expect(ordersOf(server)).toHaveLength(1);
    expect(server.requests.filter(({ method }) => method === 'POST')).toHaveLength(2);
    await page.close();
  });

  test('the form shown anew is a new order', async () => {
    await using server = await shop((number) => ({ status: 201, chunks: [`order ${number}`] }));
    const page = await open(server.url);
    await page.getByRole('button').click();
    await answers(page, 1);
    await page.reload();
    await page.getByRole('button').click();
    expect(await answers(page, 1)).toEqual(['order 2']);
    await page.close();
  });

  test('with a store and requestKey a double click sends one request', async () => {
    await using server = await shop((number) => ({ status: 201, chunks: [`order ${number}`] }));
    const page = await open(`${server.url}/store`);
    await page.getByRole('button').dblclick();
    expect(await answers(page, 2)).toEqual(['order 1', 'order 1']);
    expect(server.requests.filter(({ method }) => method === 'POST')).toHaveLength(1);
    await page.close();
  });

  test('a lost answer is asked for again: one order', async () => {
    await using server = await shop(
      (number) => ({ status: 201, chunks: [`order ${number}`] }),
      (connection) => (connection === 1 ? 0 : undefined),
    );
    const page = await open(server.url);
    await page.getByRole('button').click();
    expect(await answers(page, 1)).toEqual(['order 1']);
    expect(ordersOf(server)).toHaveLength(1);
    await page.close();
  });

  test('a Request is sent again whole', async () => {
    await using server = await shop(
      (number) => ({ status: 201, chunks: [`order ${number}`] }),
      (connection) => (connection === 1 ? 0 : undefined),
    );
    const page = await open(server.url);
    // As text: a function would be rewritten by the test runner before it gets to the page.
    const text = await page.evaluate(`(async () => {
      const { idempotentFetch } = await import('/client.js');
      const request = new Request('/orders', { method: 'POST', body: 'item=pen' });
      return (await idempotentFetch({ baseDelayMs: 1, fetch: window.fetch })(request)).text();
    })()`);
    expect(text).toBe('order 1');
    const posted = server.requests.filter(({ method }) => method === 'POST');
    expect(posted.map(({ body }) => body.toString())).toEqual(['item=pen', 'item=pen']);
    await page.close();
  });

  test('a redirect within the origin keeps the key', async () => {
    await using server = await shop((number) =>
      number === 1
        ? { status: 307, headers: { location: '/new' }, chunks: [] }
        : { chunks: [`order ${number}`] },
    );
    const page = await open(server.url);
    await page.getByRole('button').click();
    expect(await answers(page, 1)).toEqual(['order 2']);
    expect(ordersOf(server).map(({ path }) => path)).toEqual(['/orders', '/new']);
    expect(new Set(ordersOf(server).map(({ headers }) => headers['idempotency-key'])).size).toBe(1);
    await page.close();
  });

  test.each([
    ['*, idempotency-key', 1],
    ['content-type', 0],
  ])('a redirect to another origin is followed only if that allows %s', async (allowed, orders) => {
    const cors = { 'access-control-allow-origin': '*', 'access-control-allow-headers': allowed };
    await using other = await serve(status(200, cors, 'done'));
    await using server = await shop(() => ({ status: 307, headers: { location: other.url }, chunks: [] }));
    const page = await open(server.url);
    const outcome = await page.evaluate(`(async () => {
      const { idempotentFetch } = await import('/client.js');
      const fetchOnce = idempotentFetch({ maxRetries: 0 });
      const call = fetchOnce('/orders', { method: 'POST', body: 'pen' });
      return call.then((response) => response.text(), ({ reason }) => reason);
    })()`);
    expect(outcome).toBe(orders === 1 ? 'done' : 'network');
    expect(other.requests.filter(({ method }) => method === 'POST')).toHaveLength(orders);
    await page.close();
  });

  test('an answer that breaks off is continued', async () => {
    const words = Array.from({ length: 500 }, (_, index) => `word ${index} `);
    await using server = await shop(
      () => ({ chunks: words }),
      (connection) => [2_000, 4_000][connection - 1],
    );
    const page = await open(server.url);
    await page.getByRole('button').click();
    expect(await answers(page, 1)).toEqual([words.join('')]);
    expect(ordersOf(server)).toHaveLength(1);
    await page.close();
  });
});
