import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway } from '../node/harness/gateway.ts';
import type { RunningScript } from '../node/harness/process.ts';
import { freshKey, post } from '../node/harness/request.ts';
import { asOperator, TOKEN } from './busy-gateway.ts';
import { launch, skipped } from './chromium.ts';

/** What a page of the upstream says with itself, by its path. */
const PAGES: Readonly<Record<string, Record<string, string>>> = {
  '/page': {},
  '/page/same-origin': { 'cross-origin-opener-policy': 'same-origin' },
  '/page/noopener': { 'cross-origin-opener-policy': 'noopener-allow-popups' },
  '/page/isolated': {
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-embedder-policy': 'require-corp',
  },
};

const WORKER = `addEventListener('fetch', (event) => event.respondWith(new Response('replaced')))`;

/** An upstream that serves pages, takes notes of what credentials reach it. */
async function startUpstream(): Promise<{ url: string; server: Server; seen: string[] }> {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://upstream');
    seen.push(`${pathname} ${request.headers.authorization ?? ''} ${request.headers.cookie ?? ''}`);
    if (pathname === '/sw.js') {
      response.writeHead(200, { 'content-type': 'text/javascript' }).end(WORKER);
    } else {
      response.writeHead(200, { 'content-type': 'text/html', ...PAGES[pathname] });
      response.end('<!doctype html><title>Upstream</title><p>A page of the upstream');
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  return { url: `http://127.0.0.1:${port}`, server, seen };
}

describe.skipIf(skipped)('a page of the upstream, in the operator’s browser, on the console’s origin', () => {
  let upstream: Awaited<ReturnType<typeof startUpstream>>;
  let gateway: RunningScript;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;

  beforeAll(async () => {
    [upstream, browser] = await Promise.all([startUpstream(), launch()]);
    gateway = await startGateway({
      vars: { UPSTREAM_URL: upstream.url, ADMIN_TOKEN: TOKEN, LEDGER_SHARDS: '1' },
    });
    context = await browser.newContext();
    page = await context.newPage();
    await page.goto(`${gateway.url}/_oncegate/`);
    await page.getByLabel('ADMIN_TOKEN').fill(TOKEN);
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
  });

  afterAll(async () => {
    await browser?.close();
    await gateway?.stop();
    upstream?.server.closeAllConnections();
    upstream?.server.close();
  });

  test('cannot fetch the console or the API', async () => {
    await page.goto(`${gateway.url}/page`);
    const statuses = await page.evaluate(() =>
      Promise.all(
        ['/_oncegate/', '/_oncegate/console/executions', '/_oncegate/executions', '/_oncegate/metrics'].map(
          async (path) => (await fetch(path, { credentials: 'include' })).status,
        ),
      ),
    );
    expect(statuses).toEqual([403, 403, 401, 401]);
  });

  test('cannot frame the console and look into the frame', async () => {
    await page.goto(`${gateway.url}/page`);
    const text = await page.evaluate(async () => {
      const frame = document.createElement('iframe');
      frame.src = '/_oncegate/';
      const loaded = new Promise((resolve) => frame.addEventListener('load', resolve, { once: true }));
      document.body.append(frame);
      await loaded;
      try {
        return frame.contentDocument?.body.textContent ?? '';
      } catch {
        return '';
      }
    });
    expect(text).not.toContain('Overview');
  });

  test.each(Object.keys(PAGES))('at %s cannot open the console and read it', async (path) => {
    await page.goto(`${gateway.url}${path}`);
    const opened = context.waitForEvent('page');
    await page.evaluate(() => {
      Reflect.set(window, 'prey', window.open('/_oncegate/'));
    });
    const prey = await opened;
    // The operator sees it.
    await prey.getByRole('heading', { name: 'Overview' }).waitFor();
    const text = await page.evaluate(() => {
      const other: Window | null = Reflect.get(window, 'prey');
      try {
        return other?.document.body.textContent ?? '';
      } catch {
        return '';
      }
    });
    await prey.close();
    expect(text).not.toContain('Overview');
  });

  test('keeps its isolation, where it has one', async () => {
    await page.goto(`${gateway.url}/page/isolated`);
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
  });

  test('cannot put a service worker in front of the console', async () => {
    await page.goto(`${gateway.url}/page`);
    const outcome = await page.evaluate(() =>
      navigator.serviceWorker.register('/sw.js').then(
        () => 'registered',
        () => 'refused',
      ),
    );
    expect(outcome).toBe('refused');
    await page.goto(`${gateway.url}/_oncegate/`);
    expect(await page.textContent('h1')).toBe('Overview');
  });

  test('cannot have something forgotten by a form of its own', async () => {
    const key = freshKey();
    await (await post(`${gateway.url}/order`, key)).text();
    const list: { executions: { id: string }[] } = await (
      await fetch(`${gateway.url}/_oncegate/executions?key=${key}`, { headers: asOperator() })
    ).json();
    await page.goto(`${gateway.url}/page`);
    await Promise.all([
      page.waitForNavigation(),
      page.evaluate((id) => {
        const form = document.createElement('form');
        form.method = 'post';
        form.action = `/_oncegate/console/executions/${id}/forget`;
        document.body.append(form);
        form.submit();
      }, list.executions[0]?.id),
    ]);
    expect(await page.textContent('body')).toContain('takes their own forms');
    expect((await post(`${gateway.url}/order`, key)).headers.get('idempotent-replayed')).toBe('true');
  });

  test('is sent neither the token nor the login with what the operator’s browser asks for', async () => {
    await page.goto(`${gateway.url}/page`);
    await page.evaluate(() => fetch('/api/_oncegate/executions', { credentials: 'include' }));
    const seen = upstream.seen.join('\n');
    expect(seen).toContain('/api/_oncegate/executions');
    expect(seen).not.toContain(TOKEN);
    expect(seen).not.toContain('oncegate-login');
  });
});
