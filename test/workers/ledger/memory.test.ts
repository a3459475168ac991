import { reset, runInDurableObject } from 'cloudflare:test';
import { env, exports } from 'cloudflare:workers';
import { afterEach, expect, test, vi } from 'vitest';
import { RunMemory } from '../../../src/ledger/run/run-memory.ts';
import { failing } from './world.ts';

const MIB = 1024 * 1024;

afterEach(async () => {
  vi.restoreAllMocks();
  await reset();
});

function post(path: string, key: string, init: RequestInit = {}): Promise<Response> {
  const headers = { 'idempotency-key': key, authorization: 'Bearer alice' };
  return exports.default.fetch(`https://gate.example${path}`, { method: 'POST', headers, ...init });
}

/** One value from the ledger's SQLite database. */
function query(sql: string): Promise<SqlStorageValue> {
  return runInDurableObject(env.LEDGER.getByName('/*:0'), (_, state) => {
    const [value = null] = Object.values(state.storage.sql.exec(sql).one());
    return value;
  });
}

/** The memory of the objects that the test meets, and whatever they hold in it. */
function watchMemory(): Set<RunMemory> {
  const memories = new Set<RunMemory>();
  const { admit } = RunMemory.prototype;
  vi.spyOn(RunMemory.prototype, 'admit').mockImplementation(function (this: RunMemory, parties) {
    memories.add(this);
    return admit.call(this, parties);
  });
  return memories;
}

function heldBytes(memories: Set<RunMemory>): number {
  return [...memories].reduce((sum, memory) => sum + memory.heldBytes, 0);
}

test.each([100, MIB / 2, 3 * MIB + 1])(
  'where memory is short, a response of %i bytes is recorded and replayed as it is',
  async (size) => {
    const memories = watchMemory();
    vi.spyOn(RunMemory.prototype, 'isAmple').mockReturnValue(false);
    vi.spyOn(RunMemory.prototype, 'holdResult').mockReturnValue(null);
    const first = await post(`/bytes/${size}`, 'key');
    const body = new Uint8Array(await first.arrayBuffer());
    expect(body.byteLength).toBe(size);
    const replay = await post(`/bytes/${size}`, 'key');
    expect(replay.headers.get('idempotent-replayed')).toBe('true');
    expect(replay.headers.get('x-run')).toBe(first.headers.get('x-run'));
    expect(new Uint8Array(await replay.arrayBuffer())).toEqual(body);
    // What was written down for want of memory is gone, and the rest is as it is with memory.
    expect(await query('SELECT count(*) FROM pieces')).toBe(Math.ceil(size / (MIB / 2)) - 1);
    await expect.poll(() => heldBytes(memories)).toBe(0);
  },
);

test('a run holds nothing any more when it is over, however it ended', async () => {
  const memories = watchMemory();
  await (await post('/bytes/3000000', 'whole')).arrayBuffer();
  await (await post('/count/x', 'small', { body: 'small' })).text();
  await (await post('/count/x', 'medium', { body: new Uint8Array(100_000) })).text();
  await (await post('/count/x', 'large', { body: new Uint8Array(2 * MIB) })).text();
  await exports.default.fetch('https://gate.example/verdict/broken/1/break-head');
  expect((await post('/held/broken', 'broken', { body: new Uint8Array(MIB) })).status).toBe(502);
  await exports.default.fetch('https://gate.example/verdict/cut/1/break-body');
  await (await post('/held/cut', 'cut')).text().catch(() => {});
  const left = await post('/bytes/3000000', 'left');
  await left.body?.cancel();
  expect(memories.size).toBe(1);
  await expect.poll(() => heldBytes(memories)).toBe(0);
});

test('a result that cannot be written at all holds nothing afterwards', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => {});
  const memories = watchMemory();
  await (await post('/count/x', 'wakes-the-object')).text();
  await failing(/INSERT INTO executions/);
  expect((await post('/bytes/300000', 'lost')).status).toBe(502);
  await expect.poll(() => heldBytes(memories)).toBe(0);
});

test.each([
  ['small', 10],
  ['large', 2 * MIB],
])(
  'where there is no memory for a run, a request with a %s body is refused, and not sent',
  async (_, size) => {
    const init = { body: new Uint8Array(size) };
    const first: { run: number } = await (await post('/count/x', 'before', init)).json();
    const admit = vi.spyOn(RunMemory.prototype, 'admit');
    admit.mockReturnValue('no-room');
    const busy = await post('/count/x', 'key', init);
    expect(busy.status).toBe(503);
    expect(busy.headers.get('retry-after')).toBe('2');
    expect(await busy.json()).toMatchObject({ type: 'https://gate.example/_oncegate/problems/gateway-busy' });
    admit.mockReturnValue('too-much-held');
    const limited = await post('/count/x', 'key', init);
    expect(limited.status).toBe(429);
    expect(limited.headers.get('retry-after')).toBe('2');
    // What is known is answered all the same, and nothing of what was refused.
    expect((await post('/count/x', 'before', init)).headers.get('idempotent-replayed')).toBe('true');
    admit.mockRestore();
    expect(await (await post('/count/x', 'key', init)).json()).toEqual({ run: first.run + 1 });
  },
);

test('a large body that there is no memory for is refused while it comes, and not sent', async () => {
  const memories = watchMemory();
  await (await post('/count/x', 'before')).text();
  const [memory] = memories;
  const others = memory?.admit(['others']);
  if (others === undefined || typeof others === 'string') throw new Error('no room');
  expect(others.grow(39 * MIB)).toBe(true);
  const runs = await query('SELECT count(*) FROM executions');
  const refused = await post('/count/x', 'key', { body: new Uint8Array(4 * MIB) });
  expect(refused.status).toBe(503);
  expect(await query('SELECT count(*) FROM executions')).toBe(runs);
  others.shrink(39 * MIB);
  others.end();
  expect((await post('/count/x', 'key', { body: new Uint8Array(4 * MIB) })).status).toBe(200);
  await expect.poll(() => heldBytes(memories)).toBe(0);
});
