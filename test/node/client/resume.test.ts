import type { ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { BrokenBodyError, idempotentFetch, type RetryEvent } from '../../../src/client/index.ts';
import { FIRST, JOINED, REPLAY } from './cache-status.ts';
import { type Handler, ok, serve, signal, status, steps } from './server.ts';
import { soon } from './soon.ts';
import { standIn } from './stand-in.ts';

const post = { method: 'POST', body: 'prompt' };

/** A response of these bytes that breaks off after them. */
const broken =
  (text: string | Uint8Array, headers: Record<string, string> = { 'cache-status': FIRST }): Handler =>
  (_request, response) =>
    breakOff(response.writeHead(200, headers), text);

const whole =
  (
    text: string | Uint8Array,
    headers: Record<string, string> = { 'cache-status': REPLAY },
    code = 200,
  ): Handler =>
  (_request, response) =>
    void response.writeHead(code, headers).end(text);

function breakOff(response: ServerResponse, text: string | Uint8Array): void {
  response.flushHeaders();
  if (text.length === 0) response.destroy();
  else response.write(text, () => response.destroy());
}

const errorOf = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

describe('a recorded body that breaks off', () => {
  const text = 'data: grüße\n\ndata: 👋\n\n';
  const chunks = text.split(/(?<=\n\n)/);

  test.each([1, 9, 10, 15, 22, Buffer.byteLength(text)])('after %i bytes is read to its end', async (cut) => {
    await using gateway = await standIn(() => ({ chunks }), { cut: (n) => (n === 1 ? cut : undefined) });
    const response = await idempotentFetch(soon)(gateway.url, post);
    expect(await response.text()).toBe(text);
    expect(gateway.executions).toHaveLength(1);
    expect(new Set(gateway.keys()).size).toBe(1);
    expect(gateway.requests.map(({ body }) => body.toString())).toEqual(['prompt', 'prompt']);
  });

  test('again and again is read to its end, each time with a word to onRetry', async () => {
    const events: RetryEvent[] = [];
    await using gateway = await standIn(() => ({ chunks }), { cut: (n) => (n <= 3 ? n * 4 : undefined) });
    const response = await idempotentFetch({ ...soon, onRetry: (event) => events.push(event) })(
      gateway.url,
      post,
    );
    expect(await response.text()).toBe(text);
    expect(
      events.map(({ cause, retry }) => [retry, cause.kind, cause.kind === 'body' && cause.bytesRead]),
    ).toEqual([
      [1, 'body', 4],
      [2, 'body', 8],
      [3, 'body', 12],
    ]);
  });

  test('while its execution is still running is joined', async () => {
    const rejoined = signal();
    async function* slowly() {
      yield 'first ';
      await rejoined.given;
      yield 'second';
    }
    await using gateway = await standIn(() => ({ chunks: slowly() }), {
      cut: (n) => {
        if (n === 2) rejoined.give();
        return n === 1 ? 6 : undefined;
      },
    });
    const response = await idempotentFetch(soon)(gateway.url, post);
    expect(await response.text()).toBe('first second');
    expect(gateway.executions).toHaveLength(1);
  });

  test('compressed is continued in decoded bytes', async () => {
    const long = Array.from({ length: 4_000 }, (_, index) => `line ${index * 7919}`).join('\n');
    const packed = gzipSync(long);
    const headers = { 'content-encoding': 'gzip' };
    await using server = await serve(
      steps(
        broken(packed.subarray(0, packed.length / 2), { ...headers, 'cache-status': FIRST }),
        whole(packed, { ...headers, 'cache-status': REPLAY }),
      ),
    );
    const response = await idempotentFetch(soon)(server.url, post);
    expect(await response.text()).toBe(long);
    expect(server.requests).toHaveLength(2);
  });

  test.each([
    ['joined', whole('ab', { 'cache-status': JOINED })],
    ['replayed', whole('ab', { 'cache-status': REPLAY, 'idempotent-replayed': 'true' })],
    ['replayed behind another cache', whole('ab', { 'cache-status': `"a, b"; fwd=uri, ${REPLAY}` })],
    ['replayed by the nearest of two gateways', whole('ab', { 'cache-status': `${FIRST}, ${REPLAY}` })],
  ])('goes on with a response that is %s', async (_name, second) => {
    await using server = await serve(steps(broken('a'), second));
    expect(await (await idempotentFetch(soon)(server.url, post)).text()).toBe('ab');
  });

  test.each<[string, Handler]>([
    ['a new execution', whole('abc', { 'cache-status': FIRST })],
    ['an execution that says nothing', whole('abc', {})],
    [
      'an execution that is not recorded',
      whole('abc', { 'cache-status': 'oncegate; fwd=miss; detail=not-recorded' }),
    ],
    ['a hit of another cache', whole('abc', { 'cache-status': 'cdn; hit' })],
    ['a hit in a name only', whole('abc', { 'cache-status': '"oncegate; hit"; fwd=miss' })],
    ['a hit in a text only', whole('abc', { 'cache-status': 'oncegate; fwd=miss; x="a; hit; b"' })],
    ['a replay in the words of its upstream', whole('abc', { 'idempotent-replayed': 'true' })],
    [
      'a replay that the gateway knows nothing of',
      whole('abc', { 'idempotent-replayed': 'true', 'cache-status': `${REPLAY}, oncegate; fwd=bypass` }),
    ],
    [
      'a join to an execution that is not recorded',
      whole('abc', { 'cache-status': `${JOINED}; detail=not-recorded` }),
    ],
    ['a record that begins otherwise', whole('xbc')],
    ['a record that is shorter', whole('a')],
    ['a join to one that begins otherwise', whole('xbc', { 'cache-status': JOINED })],
    ['another status', whole('abc', { 'cache-status': REPLAY }, 201)],
    ['another media type', whole('abc', { 'cache-status': REPLAY, 'content-type': 'text/html' })],
    ['no body', whole('', { 'cache-status': REPLAY }, 204)],
    ['a refusal', whole('no', {}, 422)],
  ])('is not continued with %s', async (_name, second) => {
    await using server = await serve(steps(broken('ab'), second, ok));
    const error = await errorOf((await idempotentFetch(soon)(server.url, post)).text());
    expect(error).toBeInstanceOf(BrokenBodyError);
    expect(error).toMatchObject({ reason: 'other-response', bytesRead: 2, key: server.keys()[0] });
    expect(server.requests).toHaveLength(2);
  });

  test('because its upstream did, and was run again, is an error; the key then replays the new run', async () => {
    async function* breaking() {
      yield 'half';
      throw new Error('upstream gone');
    }
    await using gateway = await standIn((_request, execution) => ({
      chunks: execution === 1 ? breaking() : ['half and half'],
    }));
    const fetchOnce = idempotentFetch(soon);
    const error = await errorOf((await fetchOnce(gateway.url, post)).text());
    expect(error).toMatchObject({ name: 'BrokenBodyError', reason: 'other-response', bytesRead: 4 });
    const headers = { 'idempotency-key': (error as BrokenBodyError).key };
    const response = await fetchOnce(gateway.url, { ...post, headers });
    expect(await response.text()).toBe('half and half');
    expect(response.headers.get('idempotent-replayed')).toBe('true');
  });

  test('before its first byte may be any execution’s of that status', async () => {
    await using server = await serve(steps(broken(''), whole('abc', { 'cache-status': FIRST })));
    expect(await (await idempotentFetch(soon)(server.url, post)).text()).toBe('abc');
  });

  test('too often is an error that says how far it came', async () => {
    await using server = await serve(broken('abc', { 'cache-status': REPLAY }));
    const error = await errorOf((await idempotentFetch({ ...soon, maxRetries: 2 })(server.url, post)).text());
    expect(error).toMatchObject({
      reason: 'exhausted',
      bytesRead: 3,
      key: server.keys()[0],
      cause: expect.any(TypeError),
    });
    expect(server.requests).toHaveLength(3);
  });

  test('and is only answered with 503 is an error that says what came last', async () => {
    await using server = await serve(steps(broken('abc'), status(503)));
    const error = await errorOf((await idempotentFetch({ ...soon, maxRetries: 1 })(server.url, post)).text());
    expect(error).toMatchObject({ reason: 'exhausted', cause: { reason: 'status', attempts: 2 } });
  });

  test('and cannot be asked for again is an error with the cause', async () => {
    const drop: Handler = (_request, response) => void response.destroy();
    await using server = await serve(steps(broken('abc'), drop));
    const error = await errorOf((await idempotentFetch({ ...soon, maxRetries: 1 })(server.url, post)).text());
    expect(error).toMatchObject({
      reason: 'exhausted',
      cause: { name: 'RetriesExhaustedError', attempts: 2 },
    });
  });
});

describe('a body is not asked for again', () => {
  const cases: [string, Record<string, string>, Record<string, unknown>, RequestInit][] = [
    ['from a server that says nothing about recording', {}, {}, post],
    ['when it is not recorded', { 'cache-status': 'oncegate; fwd=miss; detail=not-recorded' }, {}, post],
    [
      'when its join is to one that is not recorded',
      { 'cache-status': `${JOINED}; detail=failed` },
      {},
      post,
    ],
    ['on the word of an upstream alone', { 'idempotent-replayed': 'true' }, {}, post],
    [
      'on the word of an upstream behind the gateway',
      { 'idempotent-replayed': 'true', 'cache-status': `${REPLAY}, oncegate; fwd=miss; detail=failed` },
      {},
      post,
    ],
    ['when the request was passed through', { 'cache-status': 'oncegate; fwd=bypass' }, {}, post],
    ['when resume is off', { 'cache-status': FIRST }, { resume: false }, post],
    ['for a request without a key', { 'cache-status': FIRST }, {}, {}],
  ];
  test.each(cases)('%s', async (_name, headers, options, init) => {
    await using server = await serve(broken('abc', headers));
    const response = await idempotentFetch({ ...soon, ...options })(server.url, init);
    expect(await errorOf(response.text())).toBeInstanceOf(TypeError);
    expect(server.requests).toHaveLength(1);
  });

  test('after the caller aborted; the reason is the error', async () => {
    const begun = signal();
    await using server = await serve((_request, response) => {
      response.writeHead(200, { 'cache-status': FIRST }).write('abc', () => begun.give());
    });
    const controller = new AbortController();
    const response = await idempotentFetch(soon)(server.url, { ...post, signal: controller.signal });
    const text = errorOf(response.text());
    await begun.given;
    const reason = new Error('enough');
    controller.abort(reason);
    expect(await text).toBe(reason);
    expect(server.requests).toHaveLength(1);
  });

  test('after the reader cancelled; the connection is let go', async () => {
    const gone = signal();
    await using server = await serve((_request, response) => {
      response.on('close', () => gone.give());
      response.writeHead(200, { 'cache-status': FIRST }).write('abc');
    });
    const response = await idempotentFetch(soon)(server.url, post);
    const reader = response.body?.getReader();
    await reader?.read();
    await reader?.cancel();
    await gone.given;
    expect(server.requests).toHaveLength(1);
  });
});

test.each([
  ['by its head', { 'cache-status': FIRST }],
  ['by its first bytes', { 'cache-status': REPLAY }],
])('a second response refused %s is let go of', async (_name, headers) => {
  const gone = signal();
  await using server = await serve(
    steps(broken('ab'), (_request, response) => {
      response.on('close', () => gone.give());
      response.writeHead(200, headers).write('xyz');
    }),
  );
  await expect((await idempotentFetch(soon)(server.url, post)).text()).rejects.toThrow(BrokenBodyError);
  await gone.given;
});

test('a response that can be continued still is what fetch gave', async () => {
  await using server = await serve(whole('abc', { 'cache-status': FIRST, 'x-a': '1' }, 201));
  const response = await idempotentFetch(soon)(`${server.url}/path`, post);
  const copy = response.clone();
  for (const each of [response, copy]) {
    expect([
      each.url,
      each.status,
      each.statusText,
      each.type,
      each.redirected,
      each.headers.get('x-a'),
    ]).toEqual([`${server.url}/path`, 201, 'Created', 'basic', false, '1']);
    expect(await each.text()).toBe('abc');
  }
});
