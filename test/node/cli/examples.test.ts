/**
 * Each example as somebody has it who copies its folder, installs what it names, the package as it is packed,
 * and starts it.
 */
import { spawnSync } from 'node:child_process';
import { cp, mkdir, readdir, readFile, symlink } from 'node:fs/promises';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { launch, skipped, warnIfSkipped } from '../../browser/chromium.ts';
import { root } from './build.ts';
import { type Project, projectWith } from './project.ts';
import { type Dev, startDev } from './wrangler.ts';

interface Manifest {
  readonly dependencies?: Record<string, string>;
  readonly devDependencies?: Record<string, string>;
}

async function manifest(path: string): Promise<Manifest> {
  return JSON.parse(await readFile(`${path}/package.json`, 'utf8'));
}

/** The example's folder, installed. What is not this package is linked, as it is the same. */
async function copyOf(example: string): Promise<Project> {
  const from = `${root}/examples/${example}`;
  const { dependencies = {}, devDependencies = {} } = await manifest(from);
  const others = Object.keys({ ...dependencies, ...devDependencies }).filter((name) => name !== 'oncegate');
  const project = await projectWith(...others, '@cloudflare/workers-types');
  await cp(from, project.directory, { recursive: true });
  const bin = `${project.directory}/node_modules/.bin`;
  await mkdir(bin);
  await symlink(`${root}/node_modules/.bin/wrangler`, `${bin}/wrangler`);
  return project;
}

function start(project: Project, environment: Readonly<Record<string, string>> = {}): Promise<Dev> {
  const npm = ['start', '--', '--port', '0', '--ip', '127.0.0.1'];
  return startDev({ directory: project.directory, environment }, 'npm', ...npm);
}

const examples = await readdir(`${root}/examples`);

test.each(examples)('%s names what this repository is built and tested with', async (example) => {
  const own = await manifest(root);
  const { dependencies = {}, devDependencies = {} } = await manifest(`${root}/examples/${example}`);
  const known: Record<string, string> = { ...own.devDependencies, oncegate: 'file:../..' };
  for (const [name, range] of Object.entries({ ...dependencies, ...devDependencies })) {
    expect(`${name} ${range}`).toBe(`${name} ${known[name]}`);
  }
  const lines = (await readFile(`${root}/examples/${example}/README.md`, 'utf8')).trim().split('\n');
  expect(lines.length).toBeLessThanOrEqual(12);
});

describe('hono-api', () => {
  let project: Project;
  let shop: Dev;
  let browser: Browser;

  beforeAll(async () => {
    warnIfSkipped('the double click in the example');
    project = await copyOf('hono-api');
    shop = await start(project);
    if (!skipped) browser = await launch();
  });

  afterAll(async () => {
    await browser?.close();
    await shop?.[Symbol.asyncDispose]();
    await project?.[Symbol.asyncDispose]();
  });

  test('an order that is sent twice is one order, of the customer who sent it', async () => {
    const order = (customer: string) =>
      fetch(`${shop.url}/orders`, {
        method: 'POST',
        headers: {
          'idempotency-key': 'order-1',
          'content-type': 'application/json',
          cookie: `customer=${customer}`,
        },
        body: '{"item":"book"}',
      });
    const [first, again] = [await order('ada'), await order('ada')];
    expect(first.status).toBe(201);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(await again.json()).toEqual(await first.json());
    expect((await order('bob')).headers.get('idempotent-replayed')).toBeNull();
    const orders = await fetch(`${shop.url}/orders`, { headers: { cookie: 'customer=ada' } });
    expect(await orders.json()).toEqual([{ id: 1, item: 'book' }]);
  });

  test.skipIf(skipped)('the double click of its page sends one order', async () => {
    const page = await browser.newPage();
    const posts: string[] = [];
    page.on('request', (request) => {
      if (request.method() === 'POST') posts.push(request.headers()['idempotency-key'] ?? '');
    });
    await page.goto(shop.url);
    await page.dblclick('button');
    await page.waitForSelector('li');
    await expect.poll(() => posts.length).toBe(2);
    expect(new Set(posts).size).toBe(1);
    const mine = await page.evaluate(async () => (await fetch('/orders')).json());
    expect(mine).toHaveLength(1);
  });

  test('its types are right', () => {
    const tsc = `${root}/node_modules/typescript/bin/tsc`;
    const { stdout, status } = spawnSync(process.execPath, [tsc, '-p', project.directory], {
      encoding: 'utf8',
    });
    expect(stdout).toBe('');
    expect(status).toBe(0);
  });
});

test('webhooks: a delivery, its redeliveries and forgeries are one event', async () => {
  await using project = await copyOf('webhooks');
  // Any port that is free, for the receiver too.
  await using gateway = await start(project, { RECEIVER_PORT: '0' });
  const send = spawnSync('npm', ['run', '--silent', 'send', '--', gateway.url], {
    cwd: project.directory,
    encoding: 'utf8',
  });
  const answers = send.stdout.trim().split('\n');
  expect(answers.map((line) => line.replace(/ttl=\d+/, 'ttl'))).toEqual([
    'delivery     : 200 processed as event 1 (oncegate; fwd=miss; stored)',
    'redelivery   : 200 processed as event 1 (oncegate; hit; ttl)',
    'redelivery   : 200 processed as event 1 (oncegate; hit; ttl)',
    'forged after : 200 processed as event 1 (oncegate; hit; ttl)',
    'forged before: 400 bad signature (oncegate; fwd=miss; detail=failed)',
    'the real one : 200 processed as event 2 (oncegate; fwd=miss; stored)',
  ]);
});

test('llm-proxy: a completion that is left and asked for again is made once', async () => {
  await using project = await copyOf('llm-proxy');
  await using proxy = await start(project);
  const ask = (init: RequestInit = {}) =>
    fetch(`${proxy.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'idempotency-key': 'chat-1', 'content-type': 'application/json' },
      body: '{"stream":true}',
      ...init,
    });
  const leaving = new AbortController();
  const left = await ask({ signal: leaving.signal });
  await left.body?.getReader().read();
  leaving.abort();
  const joined = await (await ask()).text();
  expect(joined).toMatch(/^data: .*"You "/);
  expect(joined).toContain('data: [DONE]');
  const replayed = await ask();
  expect(replayed.headers.get('idempotent-replayed')).toBe('true');
  expect(await replayed.text()).toBe(joined);
  expect(await (await fetch(`${proxy.url}/v1/made`)).json()).toEqual({ made: 1 });
});
