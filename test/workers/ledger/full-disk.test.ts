import { reset } from 'cloudflare:test';
import { env, exports } from 'cloudflare:workers';
import { afterEach, expect, test, vi } from 'vitest';
import { failing } from './world.ts';

afterEach(async () => {
  vi.restoreAllMocks();
  await reset();
});

function post(path: string, key: string): Promise<Response> {
  return exports.default.fetch(`https://gate.example/refuse${path}`, {
    method: 'POST',
    headers: { 'idempotency-key': key },
  });
}

test('a client hears of the failure of its run, though what is left of it cannot be removed', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => {});
  await (await post('/count/x', 'wakes-the-object')).arrayBuffer();
  await failing(/^\s*DELETE FROM pieces/, '/refuse/*');
  const response = post('/held/full-disk', 'key');
  const order = async (what: string) => (await env.ORIGIN.fetch(`https://origin.example/${what}`)).text();
  await order('arrived/full-disk/1');
  await order('verdict/full-disk/1/fail');
  expect((await response).status).toBe(500);
});
