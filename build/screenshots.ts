/**
 * Takes the console's pictures: `node build/screenshots.ts [DIRECTORY]`. A gateway with an hour of sample
 * traffic, in Chromium, wide and on a phone, light and dark. The two that the README shows go to docs/.
 */
import { globSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Browser, Page } from 'playwright-core';
import { COUNTERS, type Counter } from '../src/counters.ts';
import { launch } from '../test/browser/chromium.ts';
import bundle from '../test/node/harness/bundle.ts';
import { startGateway } from '../test/node/harness/gateway.ts';
import { root } from './bundled.ts';

const TOKEN = 'the-admin-token-of-the-pictures';
const SIZES = { wide: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } } as const;
const SCHEMES = ['light', 'dark'] as const;
const MINUTES = 58;
/** Counts are written down within so long. */
const WRITTEN_AFTER_MS = 10_000;

const directory = process.argv[2] ?? join(root, 'dist/screenshots');
const storage = mkdtempSync(join(tmpdir(), 'oncegate-pictures-'));
mkdirSync(directory, { recursive: true });
bundle();
const upstream = await startUpstream();
const options = {
  storage,
  vars: {
    UPSTREAM_URL: upstream.url,
    ADMIN_TOKEN: TOKEN,
    LEDGER_SHARDS: '2',
    ROUTES: [
      { path: '/payments/*', unknownOutcome: 'refuse' },
      { path: '/v1/chat/*', ttlSeconds: 3600 },
      { path: '/*' },
    ],
  },
};
try {
  const first = await startGateway(options);
  await sendTraffic(first.url);
  await pause(WRITTEN_AFTER_MS);
  await first.stop();
  for (const file of globSync('**/*.sqlite', { cwd: storage })) rememberAnHour(join(storage, file));
  const gateway = await startGateway(options);
  const running = keyed(gateway.url, '/v1/chat/completions/slow', 'chat-running');
  const browser = await launch();
  try {
    for (const scheme of SCHEMES) {
      for (const size of ['wide', 'phone'] as const) await takePictures(browser, gateway.url, scheme, size);
    }
  } finally {
    await browser.close();
    await gateway.stop();
    await running.catch(() => {});
  }
} finally {
  await upstream.stop();
  rmSync(storage, { recursive: true, force: true });
}

/** An API that does a little of everything. */
async function startUpstream() {
  const server = createServer(async (request, response) => {
    request.resume();
    const url = request.url ?? '';
    await pause(url.includes('slow') ? 60_000 : url.includes('chat') ? 900 : 20 + (url.length % 7) * 25);
    if (url.includes('broken')) return response.destroy();
    response.writeHead(url.includes('down') ? 503 : 201, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ id: url, filler: 'x'.repeat((url.length % 9) * 300) }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    stop: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

async function sendTraffic(url: string): Promise<void> {
  for (let n = 0; n < 9; n += 1)
    await keyed(url, `/orders${n % 3 === 0 ? '' : `/${4700 + n}/items`}`, `order-${n}`);
  for (let n = 0; n < 4; n += 1) await keyed(url, '/v1/chat/completions', `chat-${n}`);
  for (let n = 0; n < 5; n += 1) await keyed(url, `/payments/${810 + n}/capture`, `payment-${n}`);
  for (let n = 0; n < 6; n += 1) await keyed(url, '/orders', 'order-0');
  await keyed(url, '/orders', 'order-0', 'another order');
  for (const n of [1, 2, 3]) await keyed(url, '/orders/down', `order-down-${n}`);
  await keyed(url, '/v1/chat/completions/down', 'chat-down');
  await keyed(url, '/payments/815/broken', 'payment-815');
  await keyed(url, '/payments/815/broken', 'payment-815');
  await keyed(url, '/payments/816/capture', 'payment-816');
  await keyed(url, '/orders', 'order-10');
}

async function keyed(url: string, path: string, key: string, body = '{}'): Promise<void> {
  const response = await fetch(`${url}${path}`, {
    method: 'POST',
    body,
    headers: {
      'idempotency-key': key,
      authorization: `Bearer ${path.length % 3}`,
      'content-type': 'application/json',
      traceparent: `00-${key.length.toString(16).padStart(2, '0').repeat(16)}-b7ad6b7169203331-01`,
    },
  }).catch(() => null);
  await response?.arrayBuffer();
}

/** Puts the minutes of an hour before what a ledger object has counted, so that its chart shows one. */
function rememberAnHour(file: string): void {
  const database = new DatabaseSync(file);
  const hasTotals = database.prepare(`SELECT 1 FROM sqlite_master WHERE name = 'totals'`).get() !== undefined;
  const newest = hasTotals
    ? database.prepare('SELECT max(minute) AS minute FROM totals').get()?.minute
    : null;
  if (typeof newest === 'number') {
    const totals = new Map<Counter, number>(COUNTERS.map((counter) => [counter, 0]));
    const add = (counter: Counter, by: number) => totals.set(counter, (totals.get(counter) ?? 0) + by);
    const columns = ['minute', 'open_from', 'archived_before', ...COUNTERS];
    const insert = database.prepare(
      `INSERT INTO totals (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`,
    );
    for (let ago = MINUTES; ago > 2; ago -= 1) {
      const wave = Math.round(14 + 9 * Math.sin(ago / 7) + ((ago * 37) % 11));
      add('runs', wave);
      add('recorded', wave - (ago % 9 === 0 ? 2 : 0));
      add('failed', ago % 9 === 0 ? 2 : 0);
      add('replays', Math.round(wave / 3) + (ago > 20 && ago < 26 ? 22 : 0));
      add('joins', ago % 4);
      add('keyReused', ago % 13 === 0 ? 1 : 0);
      add('upstreamMs', wave * 180);
      add('savedMs', wave * 240);
      add('replayedBytes', wave * 5_200);
      add('upstreamUpTo100', Math.round(wave * 0.5));
      add('upstreamUpTo250', Math.round(wave * 0.4));
      add('upstreamUpTo1000', ago % 3);
      add('addedUpTo5', Math.round(wave * 0.7));
      add('addedUpTo10', Math.round(wave * 0.25));
      add('addedUpTo50', ago % 2);
      insert.run(newest - ago, 0, 0, ...COUNTERS.map((counter) => totals.get(counter) ?? 0));
    }
    const changes = COUNTERS.map((counter) => `${counter} = ${counter} + ${totals.get(counter) ?? 0}`);
    database.exec(`UPDATE totals SET ${changes.join(', ')} WHERE minute > ${newest - 3}`);
  }
  database.close();
}

async function takePictures(
  browser: Browser,
  url: string,
  colorScheme: (typeof SCHEMES)[number],
  size: keyof typeof SIZES,
): Promise<void> {
  const context = await browser.newContext({ viewport: SIZES[size], colorScheme });
  const page = await context.newPage();
  await page.goto(`${url}/_oncegate/login`);
  await page.getByLabel('ADMIN_TOKEN').fill(TOKEN);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('button', { name: 'Log out' }).waitFor();
  const take = (name: string, path = join(directory, `${name}-${size}-${colorScheme}.png`)) =>
    page.screenshot({ path, fullPage: true });

  await take('overview');
  if (size === 'wide') await page.screenshot({ path: join(root, `docs/console-${colorScheme}.png`) });
  await openPage(page, `${url}/_oncegate/console/executions`);
  await take('executions');
  await openPage(page, `${url}/_oncegate/console/executions?path=/orders&method=POST`);
  await take('filtered');
  await page.getByRole('link', { name: /Forget all/ }).click();
  await page.waitForLoadState();
  await take('forget');
  await openPage(page, `${url}/_oncegate/console/failures`);
  await take('failures');
  await openPage(page, `${url}/_oncegate/console/executions?path=/orders&status=201`);
  await page.locator('.executions tbody a').last().click();
  await page.getByRole('heading', { name: /^Execution/ }).waitFor();
  await take('execution');
  await context.close();
}

async function openPage(page: Page, url: string): Promise<void> {
  await page.goto(url);
  await page.getByRole('heading', { level: 1 }).waitFor();
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
