import { createExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, expect, test } from 'vitest';
import { gatewayOf } from '../../../src/gateway.ts';
import { cool, MIB, testNumber, useWorld } from './world.ts';

/** Of so many pieces that nothing on the way reads it to its end by itself. */
const PATH = `/bytes/${4 * MIB}`;
/** So many readers of large results may be of one address. */
const READERS_OF_ONE = 20;

const left: Response[] = [];

useWorld();
afterEach(async () => {
  for (const response of left.splice(0)) await response.body?.cancel();
});

const gateway = gatewayOf({ ...env, RESPOND_ASYNC: 'true' });

/** Asks as somebody who is at an address that all of this test have. */
async function ask(method: 'GET' | 'POST', path: string, name: string): Promise<Response> {
  const request = new Request(`https://gate.example${path}`, {
    method,
    headers: {
      'idempotency-key': 'key',
      authorization: `Bearer ${name} ${testNumber()}`,
      'cf-connecting-ip': `192.0.2.${testNumber()}`,
    },
  });
  return gateway.fetch(request, {}, createExecutionContext());
}

/** Reads nothing of what it gets. */
async function fetchResult(name: string): Promise<number> {
  const response = await ask('GET', `/_oncegate/results${PATH}`, name);
  left.push(response);
  return response.status;
}

test.each([
  ['the ledger', async () => {}],
  ['KV', () => cool()],
])('who fetches large results from %s and does not read them is one of 20 of an address', async (_, move) => {
  for (const name of ['alice', 'bob']) await (await ask('POST', PATH, name)).arrayBuffer();
  await move();
  for (let n = 0; n < READERS_OF_ONE; n += 1) expect(await fetchResult('alice')).toBe(200);
  expect(await fetchResult('bob')).toBe(429);
});
