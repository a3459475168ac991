import { runInDurableObject } from 'cloudflare:test';
import { env, exports } from 'cloudflare:workers';
import { expect, test, vi } from 'vitest';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import { type LogEvent, log } from '../../../src/log.ts';
import { isWithinRate } from '../../../src/request/keyed.ts';
import { cool, ledger, MIB, pass, query, testNumber, useWorld } from './world.ts';

useWorld();

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const LARGE = `/bytes/${3 * MIB}`;

function post(path: string): Promise<Response> {
  return exports.default.fetch(`https://gate.example${path}`, {
    method: 'POST',
    headers: {
      'idempotency-key': 'key',
      authorization: `Bearer ${testNumber()}`,
      traceparent: `00-${TRACE}-b7ad6b7169203331-01`,
    },
  });
}

/** To its end, or to where it breaks off. */
async function read(path: string): Promise<void> {
  await (await post(path)).arrayBuffer().catch(() => {});
}

async function forget(): Promise<void> {
  const id = String(await query('SELECT id FROM executions'));
  await runInDurableObject(ledger(), (instance: Ledger) => instance.forget(id).catch(() => {}));
}

/** The prototype of the binding, which the Worker and the object have in common. */
const kv: KVNamespace = Object.getPrototypeOf(env.RESULTS);
const kvIsDown = (method: 'get' | 'put' | 'delete') =>
  vi.spyOn(kv, method).mockRejectedValue(new Error('KV is down'));

async function inResults(): Promise<void> {
  await read(LARGE);
  await cool();
  expect(await query('SELECT place FROM executions')).toBe('results');
}

/** What goes wrong with a request, and how. */
const FAULTS: readonly [event: LogEvent, path: string, happens: () => Promise<unknown>][] = [
  [
    'record-damaged',
    '/count/x',
    async () => {
      await read('/count/x');
      await query(`UPDATE executions SET rest = x'00' RETURNING seq`);
      await read('/count/x');
    },
  ],
  [
    'record-damaged',
    LARGE,
    async () => {
      await read(LARGE);
      await query(`UPDATE pieces SET bytes = x'00' WHERE n = 3 RETURNING seq`);
      await read(LARGE);
    },
  ],
  [
    'record-damaged',
    LARGE,
    async () => {
      await inResults();
      const [name] = (await env.RESULTS.list()).keys;
      await env.RESULTS.put(name?.name ?? '', 'no record');
      await read(LARGE);
    },
  ],
  [
    'results-read-failed',
    LARGE,
    async () => {
      await inResults();
      kvIsDown('get');
      await read(LARGE);
    },
  ],
  [
    'results-write-failed',
    LARGE,
    () => {
      kvIsDown('put');
      return read(LARGE);
    },
  ],
  [
    'results-delete-failed',
    LARGE,
    async () => {
      await inResults();
      kvIsDown('delete');
      await forget();
    },
  ],
  [
    'response-broke-off',
    LARGE,
    async () => {
      await read(LARGE);
      await (await post(LARGE)).body?.cancel();
    },
  ],
  [
    'result-not-written',
    LARGE,
    async () => {
      const prototype = await runInDurableObject(ledger(), (_, { storage }) =>
        Object.getPrototypeOf(storage.sql),
      );
      const real = prototype.exec;
      vi.spyOn(prototype, 'exec').mockImplementation(function (this: unknown, ...args: unknown[]) {
        if (String(args[0]).startsWith('INSERT INTO pieces')) throw new Error('the disk is full');
        return Reflect.apply(real, this, args);
      });
      await read(LARGE);
    },
  ],
  [
    'ledger-unreachable',
    '/count/x',
    async () => {
      vi.spyOn(Object.getPrototypeOf(env.LEDGER), 'getByName').mockImplementation(() => {
        throw new Error('the ledger is out of reach');
      });
      await read('/count/x');
    },
  ],
];

test.each(FAULTS)(
  'the log line %s of a request to %s says which request it was',
  async (event, path, happens) => {
    const lines: Record<string, unknown>[] = [];
    for (const level of ['info', 'warn', 'error'] as const) {
      vi.spyOn(console, level).mockImplementation((line) => lines.push(JSON.parse(line)));
    }
    pass(1);
    await happens();
    const { execution } = lines.find((line) => line.event === 'request') ?? {};
    expect(execution).toMatch(/^[\w-]{43}$/);
    const of = () => lines.filter((line) => line.event === event);
    await expect.poll(of).not.toEqual([]);
    for (const line of of()) expect(line).toMatchObject({ execution, method: 'POST', path, traceId: TRACE });
  },
);

test('the log line of a rate limiter that fails says of which request, which goes on', async () => {
  const error = vi.spyOn(console, 'error').mockImplementation(() => {});
  const limiter = { limit: () => Promise.reject(new Error('it is down')) };
  const labels = { method: 'POST', path: '/x', trace: TRACE };
  expect(await isWithinRate(limiter, { caller: 'c', address: null }, labels, { path: '/*' })).toBe(true);
  expect(JSON.parse(error.mock.calls[0]?.[0])).toMatchObject({
    event: 'rate-limiter-failed',
    route: '/*',
    execution: null,
    method: 'POST',
    path: '/x',
    traceId: TRACE,
  });
});

test('no line of a request, nor of an execution, can be written that does not say of which', () => {
  const error = vi.spyOn(console, 'error').mockImplementation(() => {});
  const reason = 'it is so';
  // @ts-expect-error Of a request, as is each event that is not said to be something else.
  log('error', 'record-damaged', { reason });
  // @ts-expect-error Of a request, of which more is known than its execution.
  log('error', 'record-damaged', { reason, execution: 'id' });
  // @ts-expect-error Of an execution.
  log('error', 'not-forgotten', { reason });
  // @ts-expect-error Of a request, or the operator's.
  log('error', 'ledger-unreachable', { reason });
  log('error', 'ledger-unreachable', { reason, askedBy: 'operator' });
  log('error', 'sweep-failed', { reason });
  expect(error).toHaveBeenCalledTimes(6);
});
