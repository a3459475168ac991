import AxeBuilder from 'axe-core';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freshKey, post } from '../node/harness/request.ts';
import { asOperator, type BusyGateway, LONG_ROUTE, startBusyGateway, TOKEN } from './busy-gateway.ts';
import { launch, skipped } from './chromium.ts';

const WIDE = { width: 1440, height: 900 };
const PHONE = { width: 390, height: 844 };

describe.skipIf(skipped)('the console', () => {
  let busy: BusyGateway;
  let browser: Browser;

  beforeAll(async () => {
    [busy, browser] = await Promise.all([startBusyGateway(), launch()]);
  });

  afterAll(async () => {
    await browser?.close();
    await busy?.stop();
  });

  /** A page of a browser that nobody has logged in with. What the browser complains about is collected. */
  async function openFresh(path: string, options: BrowserContextOptions = {}) {
    const context = await browser.newContext({ viewport: WIDE, ...options });
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(`${busy.url}/_oncegate${path}`);
    return { page, complaints, [Symbol.asyncDispose]: () => context.close() };
  }

  async function logIn(page: Page): Promise<void> {
    await page.getByLabel('ADMIN_TOKEN').fill(TOKEN);
    await page.getByRole('button', { name: 'Log in' }).click();
  }

  /** A page of the operator, who has logged in. */
  async function open(path: string, options: BrowserContextOptions = {}) {
    const opened = await openFresh(path, options);
    await logIn(opened.page);
    await opened.page.getByRole('button', { name: 'Log out' }).waitFor();
    opened.complaints.length = 0;
    return opened;
  }

  /** What the operator finds who looks for a key. */
  async function find(key: string, options: BrowserContextOptions = {}) {
    const opened = await open('/', options);
    await opened.page.getByLabel('Idempotency key').fill(key);
    await Promise.all([
      opened.page.waitForNavigation(),
      opened.page.getByRole('button', { name: 'Find' }).click(),
    ]);
    return opened;
  }

  async function accessibilityViolations(page: Page): Promise<string[]> {
    // Through the debugger, which a page's policy does not bind.
    await page.evaluate(AxeBuilder.source);
    const results = await page.evaluate<{ id: string; nodes: { html: string }[] }[]>(
      `axe.run({ resultTypes: ['violations'] }).then(({ violations }) => violations)`,
    );
    return results.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
  }

  type Opened = Awaited<ReturnType<typeof open>>;
  type Visit = (options: BrowserContextOptions) => Promise<Opened>;

  const pages = (): [string, Visit][] => [
    ['the login', (options) => openFresh('/login', options)],
    ['the overview', (options) => open('/', options)],
    ['the overview of a day', (options) => open('/?window=24h', options)],
    ['the list', (options) => open('/console/executions', options)],
    ['a completed execution', (options) => find(busy.keys.completed, options)],
    ['an unknown execution', (options) => find(busy.keys.unknown, options)],
    ['a running execution', (options) => find(busy.keys.running, options)],
    ['an execution of a route with a long path', (options) => find(busy.keys.long, options)],
    ['a key that is not known', (options) => find(`no-${'such-'.repeat(50)}key`, options)],
    ['a query that is not valid', (options) => open('/console/executions?state=lost', options)],
    ['a list that is narrowed', (options) => open('/console/executions?path=/count&method=POST', options)],
    ['the failures', (options) => open('/console/failures', options)],
    ['the failures of a key', (options) => find(busy.keys.failed, options)],
    ['what is to be forgotten', (options) => open('/console/forget?path=/count', options)],
    ['the configuration', (options) => open('/console/configuration', options)],
    ['a problem', (options) => openFresh('/problems/key-reused', options)],
  ];

  test.each([
    ['light', 'wide', WIDE],
    ['dark', 'wide', WIDE],
    ['light', 'phone', PHONE],
    ['dark', 'phone', PHONE],
  ] as const)(
    'has no accessibility violation, no error and no sideways scrolling, %s and %s',
    async (colorScheme, _, viewport) => {
      for (const [name, visit] of pages()) {
        await using opened = await visit({ colorScheme, viewport });
        const { page, complaints } = opened;
        for (const summary of await page.locator('summary').all()) await summary.click();
        expect(await accessibilityViolations(page), name).toEqual([]);
        const width = await page.evaluate(() => document.documentElement.scrollWidth);
        expect(width, name).toBeLessThanOrEqual(viewport.width);
        expect(await page.evaluate(() => document.compatMode), name).toBe('CSS1Compat');
        // A page that answers with 400 or 401 is one that the browser counts as failed to load.
        expect(
          complaints.filter((text) => !/status of 40[01]/.test(text)),
          name,
        ).toEqual([]);
      }
    },
    180_000,
  );

  test('what happened to a key is one search away, by keyboard alone', async () => {
    await using opened = await open('/');
    const { page } = opened;
    await page.keyboard.press('Tab');
    expect(await page.locator(':focus').textContent()).toContain('Skip');
    for (let n = 0; n < 6; n += 1) await page.keyboard.press('Tab');
    await page.keyboard.type(busy.keys.completed);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: /^Execution/ }).waitFor();
    const text = await page.locator('main').textContent();
    expect(text).toContain('It ran once and answered 200.');
    expect(text).toMatch(/Replayed\s*2/);
    expect(text).toMatch(/another request, same key\s*1/);
  });

  test('an unknown outcome says what it means and what to do', async () => {
    await using opened = await find(busy.keys.unknown);
    const text = await opened.page.locator('main').textContent();
    expect(text).toContain('nobody knows here whether it had its effect');
    expect(text).toContain('409 outcome-unknown');
    expect(text).toMatch(/outcome unknown\s*1/);
  });

  test('without a script, a result is found and forgotten, and runs again', async () => {
    const key = freshKey();
    await (await post(`${busy.url}/count`, key)).text();
    await using opened = await open('/', { javaScriptEnabled: false });
    const { page } = opened;
    await page.getByLabel('Idempotency key').fill(key);
    await page.getByRole('button', { name: 'Find' }).click();
    await page.getByText('Forget this execution').click();
    await page.getByRole('button', { name: 'Forget it, let it run again' }).click();
    await page.getByRole('heading', { name: 'It is forgotten' }).waitFor();
    expect(await (await post(`${busy.url}/count`, key)).json()).toEqual({ run: 2 });
  });

  test('a running execution cannot be forgotten', async () => {
    await using opened = await find(busy.keys.running);
    expect(await opened.page.locator('main').textContent()).toContain(
      'It can be forgotten when it has ended.',
    );
    expect(await opened.page.getByRole('button', { name: 'Forget' }).count()).toBe(0);
  });

  test('a new execution appears by itself, and leaves alone where the reader is', async () => {
    await using opened = await open('/');
    const { page } = opened;
    const before = await page.locator('#recent tbody a').first().getAttribute('href');
    await page.getByText('last hour', { exact: true }).focus();
    await post(`${busy.url}/count`, freshKey());
    await page.waitForFunction(
      (href) => document.querySelector('#recent tbody a')?.getAttribute('href') !== href,
      before,
    );
    expect(await page.locator(':focus').textContent()).toBe('last hour');
  });

  test('what is being read is not replaced', async () => {
    await using opened = await open('/');
    const { page } = opened;
    await page.getByText('The figures').click();
    await page.waitForFunction(() => Number(document.documentElement.dataset.refreshed ?? 0) >= 1);
    expect(await page.locator('#traffic details').getAttribute('open')).not.toBeNull();
  });

  test('it stops when told to, and says when the gateway does not answer', async () => {
    await using opened = await open('/');
    const { page } = opened;
    await page.route('**/_oncegate/', (route) => route.abort());
    await page.getByText(/No answer .* Trying again/).waitFor();
    const live = page.getByRole('button', { name: 'Live' });
    await live.click();
    expect(await live.getAttribute('aria-pressed')).toBe('false');
  });

  test('a ledger out of reach is named, on the page and in the API', async () => {
    await fetch(`${busy.url}/_fault/ledger`, { method: 'POST' });
    try {
      await using opened = await find('some-key');
      expect(await opened.page.getByRole('alert').textContent()).toContain('6 ledger objects do not answer');
      await opened.page.goto(`${busy.url}/_oncegate/`);
      const overview = await opened.page.locator('main').textContent();
      expect(overview).toContain('Nothing can be said of the traffic until the ledger answers.');
      expect(overview).toContain('Duplicates prevented–');
      const list: unknown = await (
        await fetch(`${busy.url}/_oncegate/executions`, { headers: asOperator() })
      ).json();
      expect(list).toMatchObject({
        executions: [],
        unanswered: [
          { route: '/payments/*', shard: expect.any(Number) },
          { route: '/payments/*', shard: expect.any(Number) },
          { route: LONG_ROUTE, shard: expect.any(Number) },
          { route: LONG_ROUTE, shard: expect.any(Number) },
          { route: '/*', shard: expect.any(Number) },
          { route: '/*', shard: expect.any(Number) },
        ],
      });
    } finally {
      await fetch(`${busy.url}/_fault/ledger`, { method: 'DELETE' });
    }
  });

  test('no other site can have something forgotten in the operator’s name', async () => {
    const key = freshKey();
    await (await post(`${busy.url}/count`, key)).text();
    const url = `${busy.url}/_oncegate/executions?key=${key}`;
    const list: { executions: { id: string }[] } = await (await fetch(url, { headers: asOperator() })).json();
    const id = list.executions[0]?.id;
    const foreign = await fetch(`${busy.url}/_oncegate/console/executions/${id}/forget`, {
      method: 'POST',
      headers: {
        ...asOperator(),
        origin: 'https://elsewhere.example',
        'content-type': 'application/x-www-form-urlencoded',
      },
    });
    expect(foreign.status).toBe(403);
    expect((await post(`${busy.url}/count`, key)).headers.get('idempotent-replayed')).toBe('true');
  });

  test('the policy allows no inline script, no inline style and no other origin', async () => {
    const response = await fetch(`${busy.url}/_oncegate/`, { headers: asOperator() });
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain('unsafe');
    expect(await response.text()).not.toMatch(/https?:\/\/(?!127\.0\.0\.1)/);
  });

  test('a file that has not changed is not sent again', async () => {
    const url = `${busy.url}/_oncegate/console/console.css`;
    const first = await fetch(url, { headers: asOperator() });
    const etag = first.headers.get('etag') ?? '';
    await first.text();
    const again = await fetch(url, {
      headers: { ...asOperator(), 'if-none-match': etag },
      cache: 'no-store',
    });
    expect(again.status).toBe(304);
  });
});
