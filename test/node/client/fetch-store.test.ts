import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import {
  idempotentFetch,
  KeyReusedError,
  MemoryStore,
  type ResultStore,
  requestKey,
  type UnrecordedEvent,
} from '../../../src/client/index.ts';
import { numbered, order } from './orders.ts';
import { drop, serve, signal, status, steps } from './server.ts';
import { soon } from './soon.ts';

describe('with a store, an API without idempotency', () => {
  test('is asked once for each key; the replay is whole and marked', async () => {
    await using server = await serve(numbered);
    const replays: string[] = [];
    const fetchOnce = idempotentFetch({
      store: new MemoryStore(),
      onReplay: ({ from }) => replays.push(from),
    });
    const first = await fetchOnce(`${server.url}/orders`, order('k1'));
    expect([await first.text(), first.headers.get('idempotent-replayed')]).toEqual(['run 1', null]);
    const replay = await fetchOnce(`${server.url}/orders`, order('k1'));
    expect([replay.status, replay.statusText, replay.url, await replay.text()]).toEqual([
      201,
      'Created',
      `${server.url}/orders`,
      'run 1',
    ]);
    expect(replay.headers.get('idempotent-replayed')).toBe('true');
    expect(replay.headers.get('x-run')).toBe('1');
    expect(replay.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    expect(replays).toEqual(['store']);
    expect(await (await fetchOnce(`${server.url}/orders`, order('k2'))).text()).toBe('run 2');
    expect(server.requests).toHaveLength(2);
  });

  test('is asked once by calls at the same time; all get the response', async () => {
    const { given, give } = signal();
    await using server = await serve(async (request, response) => {
      await given;
      await numbered(request, response);
    });
    const fetchOnce = idempotentFetch({ store: new MemoryStore(), key: requestKey });
    const calls = Array.from({ length: 5 }, () => fetchOnce(server.url, { method: 'POST', body: 'book' }));
    give();
    const responses = await Promise.all(calls);
    expect(await Promise.all(responses.map((response) => response.text()))).toEqual(Array(5).fill('run 1'));
    expect(responses.filter(({ headers }) => headers.has('idempotent-replayed'))).toHaveLength(4);
    expect(server.requests).toHaveLength(1);
  });

  test('has its success recorded even if nobody reads the body', async () => {
    const recorded = signal();
    const memory = new MemoryStore();
    const store: ResultStore = {
      get: (key) => memory.get(key),
      set: async (key, value) => {
        await memory.set(key, value);
        recorded.give();
      },
    };
    await using server = await serve(numbered);
    const fetchOnce = idempotentFetch({ store });
    await (await fetchOnce(server.url, order('k'))).body?.cancel();
    await recorded.given;
    expect(await (await fetchOnce(server.url, order('k'))).text()).toBe('run 1');
  });

  test('has its success on record when the end of the body is seen', async () => {
    const log: string[] = [];
    const written = signal();
    const store: ResultStore = {
      get: async () => undefined,
      set: async () => {
        await written.given;
        log.push('recorded');
      },
    };
    await using server = await serve(numbered);
    const response = await idempotentFetch({ store })(server.url, order('k'));
    const end = response.text().then(() => log.push('end'));
    written.give();
    await end;
    expect(log).toEqual(['recorded', 'end']);
  });

  test('streams: bytes reach the caller before the last one is there', async () => {
    const { given, give } = signal();
    await using server = await serve(async (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('first');
      await given;
      response.end(' second');
    });
    const fetchOnce = idempotentFetch({ store: new MemoryStore() });
    const reader = (await fetchOnce(server.url, order('k'))).body?.getReader();
    expect(new TextDecoder().decode((await reader?.read())?.value)).toBe('first');
    give();
    while (!(await reader?.read())?.done);
    expect(await (await fetchOnce(server.url, order('k'))).text()).toBe('first second');
  });

  test('gives its compressed responses back as they read', async () => {
    await using server = await serve(
      status(200, { 'content-encoding': 'gzip' }, gzipSync('plain') as unknown as string),
    );
    const fetchOnce = idempotentFetch({ store: new MemoryStore() });
    expect(await (await fetchOnce(server.url, order('k'))).text()).toBe('plain');
    const replay = await fetchOnce(server.url, order('k'));
    expect([await replay.text(), replay.headers.get('content-encoding')]).toEqual(['plain', null]);
    expect(server.requests).toHaveLength(1);
  });

  test('gives its empty responses back as empty', async () => {
    await using server = await serve(status(204, { 'x-a': '1' }, ''));
    const fetchOnce = idempotentFetch({ store: new MemoryStore() });
    await fetchOnce(server.url, order('k'));
    const replay = await fetchOnce(server.url, order('k'));
    expect([replay.status, replay.body, replay.headers.get('x-a')]).toEqual([204, null, '1']);
    expect(server.requests).toHaveLength(1);
  });

  test.each([400, 404, 422, 500])(
    'has no failure recorded (%i), so a corrected request runs',
    async (code) => {
      await using server = await serve(steps(status(code), numbered));
      const fetchOnce = idempotentFetch({ store: new MemoryStore(), maxRetries: 0 });
      const failed = await fetchOnce(server.url, order('k', 'bok'));
      expect([failed.status, await failed.text()]).toEqual([code, `status ${code}`]);
      expect((await fetchOnce(server.url, order('k', 'book'))).status).toBe(201);
    },
  );

  test('has a lost response neither recorded nor hidden', async () => {
    await using server = await serve(steps(drop, numbered));
    const fetchOnce = idempotentFetch({ store: new MemoryStore(), maxRetries: 0 });
    await expect(fetchOnce(server.url, order('k'))).rejects.toMatchObject({ reason: 'network' });
    expect(await (await fetchOnce(server.url, order('k'))).text()).toBe('run 2');
  });

  test('has a body that broke off not recorded', async () => {
    await using server = await serve(
      steps(
        (_request, response) => void response.writeHead(200).write('ha', () => response.destroy()),
        numbered,
      ),
    );
    const fetchOnce = idempotentFetch({ store: new MemoryStore(), ...soon });
    await expect((await fetchOnce(server.url, order('k'))).text()).rejects.toThrow();
    expect(await (await fetchOnce(server.url, order('k'))).text()).toBe('run 2');
  });

  test('is retried underneath, and recorded once', async () => {
    await using server = await serve(steps(status(503), numbered));
    const fetchOnce = idempotentFetch({ ...soon, store: new MemoryStore() });
    await (await fetchOnce(server.url, order('k'))).text();
    expect(await (await fetchOnce(server.url, order('k'))).text()).toBe('run 2');
    expect(server.requests).toHaveLength(2);
  });
});

describe('a key in the store', () => {
  test.each<[string, ReturnType<typeof order>]>([
    ['body', order('k', 'pen')],
    ['method', { ...order('k'), method: 'PUT' }],
    ['media type', order('k', 'book', { 'content-type': 'text/html' })],
  ])('is refused for another %s, whether the first is over or not', async (_name, other) => {
    const arrived = signal();
    const { given, give } = signal();
    await using server = await serve(async (request, response) => {
      arrived.give();
      await given;
      await numbered(request, response);
    });
    const fetchOnce = idempotentFetch({ store: new MemoryStore() });
    const first = fetchOnce(server.url, order('k'));
    await arrived.given;
    await expect(fetchOnce(server.url, other)).rejects.toThrow(KeyReusedError);
    give();
    await (await first).text();
    await expect(fetchOnce(server.url, other)).rejects.toMatchObject({
      name: 'KeyReusedError',
      key: 'k',
      reason: 'other-request',
    });
    expect(server.requests).toHaveLength(1);
  });
});

describe('a caller that aborts', () => {
  test('gets its reason; the run goes on and answers the retry', async () => {
    const arrived = signal();
    const { given, give } = signal();
    await using server = await serve(async (request, response) => {
      arrived.give();
      await given;
      await numbered(request, response);
    });
    const fetchOnce = idempotentFetch({ store: new MemoryStore() });
    const controller = new AbortController();
    const aborted = fetchOnce(server.url, { ...order('k'), signal: controller.signal });
    await arrived.given;
    const reason = new Error('closed the tab');
    controller.abort(reason);
    await expect(aborted).rejects.toBe(reason);
    const retry = fetchOnce(server.url, order('k'));
    give();
    expect(await (await retry).text()).toBe('run 1');
    expect(server.requests).toHaveLength(1);
  });

  test('while reading gets its reason there', async () => {
    const { given, give } = signal();
    await using server = await serve(async (_request, response) => {
      response.writeHead(200).write('first');
      await given;
      response.end();
    });
    const controller = new AbortController();
    const fetchOnce = idempotentFetch({ store: new MemoryStore() });
    const response = await fetchOnce(server.url, { ...order('k'), signal: controller.signal });
    const reason = new Error('enough');
    const text = response.text();
    controller.abort(reason);
    await expect(text).rejects.toBe(reason);
    give();
    expect(await (await fetchOnce(server.url, order('k'))).text()).toBe('first');
  });
});

describe('a store that fails', () => {
  const failing = (method: 'get' | 'set'): ResultStore => ({
    get: async () => {
      if (method === 'get') throw new Error('disk gone');
      return undefined;
    },
    set: () => Promise.reject(new Error('disk full')),
  });

  test('to read lets nothing be sent', async () => {
    await using server = await serve(numbered);
    await expect(idempotentFetch({ store: failing('get') })(server.url, order('k'))).rejects.toThrow(
      'disk gone',
    );
    expect(server.requests).toHaveLength(0);
  });

  test('to write does not take the response away, and is told of', async () => {
    const told: UnrecordedEvent[] = [];
    await using server = await serve(numbered);
    const fetchOnce = idempotentFetch({ store: failing('set'), onUnrecorded: (event) => told.push(event) });
    expect(await (await fetchOnce(server.url, order('k'))).text()).toBe('run 1');
    expect(told).toMatchObject([{ key: 'k', error: { message: 'disk full' } }]);
  });

  test('because the response is too large is told of, and the caller gets it whole', async () => {
    const size = 27_000_000;
    const told: UnrecordedEvent[] = [];
    await using server = await serve((_request, response) => void response.end(Buffer.alloc(size)));
    const fetchOnce = idempotentFetch({
      store: new MemoryStore(),
      onUnrecorded: (event) => told.push(event),
    });
    expect((await (await fetchOnce(server.url, order('k'))).arrayBuffer()).byteLength).toBe(size);
    expect(told).toMatchObject([{ key: 'k', error: { name: 'RangeError' } }]);
  });
});
