import { reset, runInDurableObject } from 'cloudflare:test';
import { env, exports } from 'cloudflare:workers';
import { afterEach, expect, test, vi } from 'vitest';

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

/** Statements that match find the disk full. */
async function full(pattern: RegExp): Promise<void> {
  await runInDurableObject(env.LEDGER.getByName('/refuse/*:0'), (_, { storage }) => {
    const prototype = Object.getPrototypeOf(storage.sql);
    const real = prototype.exec;
    vi.spyOn(prototype, 'exec').mockImplementation(function (this: unknown, ...args: unknown[]) {
      if (pattern.test(String(args[0]))) throw new Error('database or disk is full: SQLITE_FULL');
      return Reflect.apply(real, this, args);
    });
  });
}

test('a client hears of the failure of its run, though what is left of it cannot be removed', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => {});
  await (await post('/count/x', 'wakes-the-object')).arrayBuffer();
  await full(/^\s*DELETE FROM pieces/);
  const response = post('/held/full-disk', 'key');
  const order = async (what: string) => (await env.ORIGIN.fetch(`https://origin.example/${what}`)).text();
  await order('arrived/full-disk/1');
  await order('verdict/full-disk/1/fail');
  expect((await response).status).toBe(500);
});
