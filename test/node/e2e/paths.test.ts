/**
 * Which route a path takes, on workerd itself: what stands in front of it elsewhere puts most of these right
 * before.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Running } from '../../../bench/processes/child.ts';
import { startWorker } from '../../../bench/workerd.ts';
import { type Origin, startOrigin } from '../harness/origin.ts';
import { freshKey } from '../harness/request.ts';

let origin: Origin;
let gateway: Running;
const folder = mkdtempSync(`${tmpdir()}/oncegate-paths-`);

beforeAll(async () => {
  origin = await startOrigin();
  gateway = await startWorker({
    entry: new URL('../../../src/index.ts', import.meta.url),
    folder,
    objects: { binding: 'LEDGER', className: 'Ledger' },
    kvUrl: origin.url,
    vars: {
      LEDGER_SHARDS: '1',
      UPSTREAM_URL: `${origin.url}/echo`,
      ROUTES: JSON.stringify([
        { path: '/payments/*', key: 'required' },
        { path: '/public/*', key: 'optional' },
        { path: '/ai/*', key: 'optional', stripPrefix: '/ai' },
        { path: '/café/*', key: 'optional', stripPrefix: '/café' },
      ]),
    },
  });
});

afterAll(async () => {
  await gateway?.stop();
  await origin?.stop();
  rmSync(folder, { recursive: true });
});

/** Sends a POST exactly as written. Returns the status and the text of the body. */
async function exchange(target: string, fields: string[] = []): Promise<{ status: number; body: string }> {
  const { hostname, port } = new URL(gateway.url);
  const socket = connect(Number(port), hostname).setEncoding('utf8');
  socket.write(
    [`POST ${target} HTTP/1.1`, 'Host: x', 'Content-Length: 0', ...fields, 'Connection: close', '', ''].join(
      '\r\n',
    ),
  );
  const [head = '', ...body] = (await socket.toArray()).join('').split('\r\n\r\n');
  return { status: Number(head.split(' ')[1]), body: body.join('\r\n\r\n') };
}

test.each([
  '/payments/charge',
  '/public/../payments/charge',
  '/public/%2e%2e/payments/charge',
  '/public/.%2E/payments/charge',
  '/public\\..\\payments\\charge',
  '/./payments/charge',
  '/%70ayments/charge',
  '/payment%73/charge',
  'http://x/public/../payments/charge',
])('a payment cannot be had without a key by writing its path as %s', async (target) => {
  expect(await exchange(target)).toMatchObject({ status: 400, body: expect.stringContaining('key-missing') });
});

test.each([
  ['/ai/x', '/echo/x'],
  ['/a%69/x', '/echo/x'],
  ['/ai/%7Ex', '/echo/~x'],
  ['/ai/a%2Fb%2fc', '/echo/a%2Fb%2fc'],
  ['/ai//x', '/echo//x'],
  ['/ai/%252e%252e/x', '/echo/%252e%252e/x'],
  ['/ai/%E9%zz', '/echo/%E9%25zz'],
  ['/ai/%%370ayments', '/echo/%2570ayments'],
  ['/caf%C3%A9/x', '/echo/x'],
  ['/public/x?', '/echo/public/x?'],
  ['/public/x', '/echo/public/x'],
  ['/public/x?a=%2e%61', '/echo/public/x?a=%2e%61'],
])('the path %s goes upstream as %s', async (target, url) => {
  const { status, body } = await exchange(target);
  expect({ status, url: JSON.parse(body).url }).toEqual({ status: 200, url });
});

test('however a path is written, it is the same request', async () => {
  const key = `Idempotency-Key: ${freshKey()}`;
  await exchange('/public/order', [key]);
  for (const target of ['/public/%6frder', '/public/a/../order', '/x/../public/./order']) {
    expect(await exchange(target, [key])).toMatchObject({ status: 200 });
  }
  expect(await exchange('/public/order?', [key])).toMatchObject({ status: 422 });
  expect(await exchange('/public/Order', [key])).toMatchObject({ status: 422 });
});

test('a path of no route is not found, in whatever spelling', async () => {
  expect(await exchange('/PAYMENTS/charge')).toMatchObject({ status: 404 });
  expect(await exchange('/public/../elsewhere')).toMatchObject({ status: 404 });
});

test.each(['/%%370ayments/charge', '/pay%%36dents/charge', '/%%32570ayments/charge'])(
  '%s is not the path of a payment, here or where it is decoded once more',
  async (target) => {
    const { status, body } = await exchange(`/public${target}`);
    expect(status).toBe(200);
    expect(decodeURIComponent(JSON.parse(body).url)).not.toContain('/payments/');
  },
);
