import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freshKey, post } from '../node/harness/request.ts';
import { type BusyGateway, startBusyGateway, TOKEN } from './busy-gateway.ts';
import { launch, skipped } from './chromium.ts';

const REFRESH_MS = 10_000;

describe.skipIf(skipped)('a page of the console that is looked at', () => {
  let busy: BusyGateway;
  let browser: Browser;

  beforeAll(async () => {
    [busy, browser] = await Promise.all([startBusyGateway(), launch()]);
  });

  afterAll(async () => {
    await browser?.close();
    await busy?.stop();
  });

  /** A page of the operator, whose clock stands where it is told to. */
  async function open(path: string, timezoneId = 'UTC') {
    const context = await browser.newContext({
      timezoneId,
      permissions: ['clipboard-read', 'clipboard-write'],
    });
    const page = await context.newPage();
    await page.clock.install();
    await page.goto(`${busy.url}/_oncegate/login`);
    await page.getByLabel('ADMIN_TOKEN').fill(TOKEN);
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByRole('button', { name: 'Log out' }).waitFor();
    if (path !== '/') await page.goto(`${busy.url}/_oncegate${path}`);
    return { page, [Symbol.asyncDispose]: () => context.close() };
  }

  /**
   * How often the page is asked for again while so much time passes on its clock, and a little more: that of
   * the machine goes on.
   */
  async function refreshesWithin(page: Page, ms: number) {
    const now = () => page.evaluate(() => Date.now());
    const from = await now();
    let asked = 0;
    await page.route('**/_oncegate/**', (route) => {
      asked += 1;
      return route.continue();
    });
    const STEP_MS = 500;
    for (let passed = 0; passed < ms; passed += STEP_MS) {
      await page.clock.runFor(STEP_MS);
      // Its clock stands until the answer is there.
      await expect.poll(() => refreshed(page), { timeout: 30_000 }).toBe(asked);
    }
    await page.unroute('**/_oncegate/**');
    return { asked, passedMs: (await now()) - from };
  }

  function refreshed(page: Page): Promise<number> {
    return page.evaluate(() => Number(document.documentElement.dataset.refreshed ?? 0));
  }

  test.each(['/', '/console/executions', '/console/failures'])(
    '%s is asked for at most every ten seconds',
    async (path) => {
      await using opened = await open(path);
      const { asked, passedMs } = await refreshesWithin(opened.page, 6 * REFRESH_MS);
      expect(asked).toBeGreaterThanOrEqual(3);
      // One may have been nearly due when it was first looked at.
      expect(asked).toBeLessThanOrEqual(1 + passedMs / REFRESH_MS);
    },
  );

  test('it says times in the reader’s zone, on the page and under the chart', async () => {
    await using utc = await open('/console/executions');
    await using there = await open('/console/executions', 'Asia/Kolkata');
    const first = (page: Page) => page.locator('.executions tbody time').first();
    const at = (await first(there.page).getAttribute('datetime')) ?? '';
    const shown = await first(there.page).textContent();
    const expected = new Date(Date.parse(at) + 5.5 * 3_600_000).toISOString().slice(11, 19);
    expect(shown).toContain(expected);
    expect(await first(utc.page).textContent()).toContain(at.slice(11, 19));
    expect(await there.page.locator('#zone').textContent()).toMatch(/^in Asia\/(Kolkata|Calcutta)$/);
  });

  test('the words under the chart are where their bars are', async () => {
    await using opened = await open('/');
    const { page } = opened;
    const middleOf = async (selector: string) => {
      const box = await page.locator(selector).boundingBox();
      return box === null ? Number.NaN : box.x + box.width / 2;
    };
    const EVERY = 15;
    expect(await middleOf('.x text:nth-child(2)')).toBeCloseTo(
      await middleOf(`.bars g:nth-of-type(${EVERY + 1}) .hover`),
      -1,
    );
  });

  test('an execution’s id and the shape of its request are copied at a click', async () => {
    await using opened = await open('/console/executions?path=/count');
    const { page } = opened;
    await page.locator('.executions tbody a').last().click();
    await page.getByRole('button', { name: 'Copy the command' }).click();
    const command = await page.evaluate(() => navigator.clipboard.readText());
    expect(command).toContain(`curl -i -X POST '${busy.url}/count'`);
    expect(command).toContain(`-H 'Idempotency-Key: THE-KEY'`);
    await page.getByRole('button', { name: 'Copy the execution’s id' }).click();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toMatch(/^[\w-]{43}$/);
  });

  test('one goes to older pages and back to newer ones, with the filter kept', async () => {
    for (let n = 0; n < 60; n += 1) await (await post(`${busy.url}/bytes/1`, freshKey())).text();
    await using opened = await open('/console/executions?path=/bytes');
    const { page } = opened;
    const firstOf = () => page.locator('.executions tbody a').first().getAttribute('href');
    const newest = await firstOf();
    await page.getByRole('link', { name: 'Older' }).click();
    await page.getByRole('link', { name: 'Newer' }).waitFor();
    expect(await firstOf()).not.toBe(newest);
    expect(page.url()).toContain('path=%2Fbytes');
    await page.getByRole('link', { name: 'Newer' }).click();
    await page.getByRole('link', { name: 'Older' }).waitFor();
    expect(await firstOf()).toBe(newest);
    expect(await page.getByRole('link', { name: 'Newer' }).count()).toBe(0);
  });
});
