import { abortAllDurableObjects, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { expect, test, vi } from 'vitest';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import { HOT_MS, ledger, MIB, pass, post as postTo, sweep, useWorld } from './world.ts';

useWorld();

/**
 * So long a place may go on seeing nothing, or something older, after a write to KV: Cloudflare says a minute
 * or more.
 */
const KV_SETTLES_MS = 60_000;
const PATH = `/bytes/${2 * MIB}`;

function post(): Promise<Response> {
  return postTo(PATH, 'key');
}

/** Which run a response is of. */
async function runOf(response: Response): Promise<string | null> {
  await response.body?.cancel();
  return response.status === 200 ? response.headers.get('x-run') : `${response.status}`;
}

function view() {
  return runInDurableObject(ledger(), (instance: Ledger) => {
    const [found] = instance.list({ state: 'completed', after: null, limit: 10 }).executions;
    return found ?? null;
  });
}

/** The prototype of the binding, which the Worker and the object have in common. */
function kv(): KVNamespace {
  return Object.getPrototypeOf(env.RESULTS);
}

/** This place does not see what was written, as if it had asked before and kept the miss. */
function placeSeesNothing() {
  return vi.spyOn(kv(), 'get').mockImplementation((() => Promise.resolve(null)) as never);
}

test('a result that is in RESULTS by the time that its body leaves is replayed wherever KV has settled', async () => {
  const stale = placeSeesNothing();
  const run = await runOf(await post());
  await expect.poll(async () => (await view())?.archivedAt).not.toBeNull();
  pass(HOT_MS - 1_000);
  await sweep();
  expect(await runOf(await post())).toBe(run);
  stale.mockRestore();
  pass(10_000);
  await sweep();
  expect(await view()).toMatchObject({ place: 'results' });
  expect(await runOf(await post())).toBe(run);
});

test('a result that came to RESULTS late stays in the ledger until every place sees it there', async () => {
  const puts = vi.spyOn(kv(), 'put').mockRejectedValue(new Error('KV PUT failed: 500 Internal Server Error'));
  const run = await runOf(await post());
  await expect.poll(() => puts.mock.calls.length).toBe(1);
  pass(HOT_MS);
  puts.mockRestore();
  const stale = placeSeesNothing();
  await sweep();
  await expect.poll(async () => (await view())?.archivedAt).not.toBeNull();
  pass(3_000);
  expect(await runOf(await post())).toBe(run);

  stale.mockRestore();
  pass(KV_SETTLES_MS);
  await sweep();
  expect(await view()).toMatchObject({ place: 'results' });
  expect(await runOf(await post())).toBe(run);
});

test('what a lost object had on its way to RESULTS does not take the place of what came after it', async () => {
  const real = kv().put;
  const onTheirWay: [key: string, value: ArrayBuffer, options: KVNamespacePutOptions][] = [];
  vi.spyOn(kv(), 'put').mockImplementation(async function (this: KVNamespace, ...args: unknown[]) {
    if (onTheirWay.length > 0) return Reflect.apply(real, this, args);
    const [key, value, options] = args as [string, ReadableStream, KVNamespacePutOptions];
    onTheirWay.push([key, await new Response(value).arrayBuffer(), options]);
    return new Promise(() => {});
  } as never);
  vi.spyOn(console, 'error').mockImplementation(() => {});
  const first = await runOf(await post());
  await expect.poll(() => onTheirWay.length).toBe(1);
  await abortAllDurableObjects();

  // The next instance puts it there again, and is told to forget it.
  pass(3_000);
  await runInDurableObject(ledger(), () => {});
  await sweep();
  await expect.poll(async () => (await view())?.archivedAt).not.toBeNull();
  const id = (await view())?.id ?? '';
  pass(3_000);
  expect(await ledger().forget(id)).toBe('forgotten');
  const second = await runOf(await post());
  expect(second).not.toBe(first);
  await expect.poll(async () => (await view())?.archivedAt).not.toBeNull();

  for (const put of onTheirWay) await Reflect.apply(real, env.RESULTS, put);
  pass(HOT_MS + KV_SETTLES_MS);
  await sweep();
  expect(await view()).toMatchObject({ place: 'results' });
  expect(await runOf(await post())).toBe(second);
});

/** What the Worker gets to do with KV while no object can be reached. */
async function runOutOfReach(): Promise<string | null> {
  vi.spyOn(console, 'error').mockImplementation(() => {});
  const reach = vi.spyOn(Object.getPrototypeOf(env.LEDGER), 'getByName').mockImplementation(() => {
    throw new Error('the ledger is out of reach');
  });
  // Longer than a lease.
  pass(3_000);
  try {
    return await runOf(await post());
  } finally {
    reach.mockRestore();
  }
}

/** Keeps what goes to KV by this method, with what it would do, until it is let through. */
function heldUp(method: 'put' | 'delete') {
  const real = kv()[method] as (...args: unknown[]) => Promise<void>;
  const held: (() => Promise<void>)[] = [];
  const spy = vi.spyOn(kv(), method).mockImplementation((async (...[key, value, options]: unknown[]) => {
    const bytes = value instanceof ReadableStream ? await new Response(value).arrayBuffer() : value;
    held.push(() => Reflect.apply(real, env.RESULTS, [key, bytes, options]));
    return new Promise(() => {});
  }) as never);
  return { held, spy };
}

test('with the ledger out of reach, the later of two runs is replayed, though the earlier one came to RESULTS after it', async () => {
  const { held, spy } = heldUp('put');
  vi.spyOn(console, 'error').mockImplementation(() => {});
  const first = await runOf(await post());
  await expect.poll(() => held.length).toBe(1);
  await abortAllDurableObjects();
  spy.mockRestore();
  pass(3_000);
  await runInDurableObject(ledger(), () => {});
  await sweep();
  await expect.poll(async () => (await view())?.archivedAt).not.toBeNull();
  pass(3_000);
  expect(await runOutOfReach()).toBe(first);
  expect(await ledger().forget((await view())?.id ?? '')).toBe('forgotten');
  const second = await runOf(await post());
  expect(second).not.toBe(first);
  await expect.poll(async () => (await view())?.archivedAt).not.toBeNull();
  for (const arrives of held) await arrives();
  expect((await env.RESULTS.list()).keys).toHaveLength(2);
  expect(await runOutOfReach()).toBe(second);
});

test('a forget that a lost object had on its way to RESULTS removes nothing of what came after it', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => {});
  const first = await runOf(await post());
  await expect.poll(async () => (await view())?.archivedAt).not.toBeNull();
  pass(3_000);
  const id = (await view())?.id ?? '';
  const { held, spy } = heldUp('delete');
  const told = ledger()
    .forget(id)
    .catch(() => 'lost');
  await expect.poll(() => held.length).toBe(1);
  await abortAllDurableObjects();
  expect(await told).toBe('lost');
  spy.mockRestore();
  expect(await ledger().forget(id)).toBe('forgotten');
  const second = await runOf(await post());
  expect(second).not.toBe(first);
  await expect.poll(async () => (await view())?.archivedAt).not.toBeNull();
  for (const arrives of held) await arrives();
  pass(HOT_MS + KV_SETTLES_MS);
  await sweep();
  expect(await view()).toMatchObject({ place: 'results' });
  expect(await runOf(await post())).toBe(second);
});
