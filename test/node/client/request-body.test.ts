import { expect, test } from 'vitest';
import { idempotentFetch } from '../../../src/client/index.ts';
import { ok, serve, status, steps } from './server.ts';
import { soon } from './soon.ts';

const streamOf = (...chunks: unknown[]) =>
  new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });

const bytes = (text: string) => new TextEncoder().encode(text);

async function* iterableOf(...chunks: Uint8Array[]) {
  yield* chunks;
}

const form = () => {
  const data = new FormData();
  data.append('item', 'book');
  data.append('file', new File(['contents'], 'a.txt', { type: 'text/plain' }));
  return data;
};

const withoutBoundary = (body: string) => body.replaceAll(/-+formdata[\w-]+/g, 'boundary');

test.each<[string, () => unknown, string | RegExp]>([
  ['a string', () => 'order', 'order'],
  ['no body', () => undefined, ''],
  ['an empty string', () => '', ''],
  ['bytes', () => bytes('order'), 'order'],
  ['a part of a buffer', () => bytes('my order').subarray(3), 'order'],
  ['a buffer', () => bytes('order').buffer, 'order'],
  ['a Blob', () => new Blob(['order'], { type: 'text/x' }), 'order'],
  ['URLSearchParams', () => new URLSearchParams({ a: '1' }), 'a=1'],
  ['FormData', form, /name="item"\r\n\r\nbook\r\n[\s\S]*filename="a.txt"[\s\S]*contents/],
  ['a stream', () => streamOf(bytes('or'), bytes(''), bytes('der')), 'order'],
  ['an empty stream', () => streamOf(), ''],
  ['an async iterable', () => iterableOf(bytes('or'), bytes('der')), 'order'],
])('%s goes out whole on every attempt', async (_name, body, expected) => {
  await using server = await serve(steps(status(503), ok));
  await idempotentFetch(soon)(server.url, { method: 'POST', body: body(), duplex: 'half' } as RequestInit);
  const [first, second] = server.requests.map((request) => withoutBoundary(request.body.toString()));
  expect(first).toMatch(expected);
  expect(first?.length).toBe(typeof expected === 'string' ? expected.length : first?.length);
  expect(second).toBe(first);
});

test.each<[string, () => RequestInit['body'], string | undefined]>([
  ['a string', () => 'order', 'text/plain;charset=UTF-8'],
  ['a form', () => new URLSearchParams({ a: '1' }), 'application/x-www-form-urlencoded;charset=UTF-8'],
  ['bytes', () => bytes('order'), undefined],
])('a Request with %s keeps its body and media type', async (_name, body, mediaType) => {
  await using server = await serve(steps(status(503), ok));
  const request = new Request(server.url, { method: 'POST', body: body() ?? null });
  await idempotentFetch(soon)(request);
  expect(server.requests.map(({ headers }) => headers['content-type'])).toEqual([mediaType, mediaType]);
  expect(server.requests[1]?.body).toEqual(server.requests[0]?.body);
  expect(server.requests[0]?.body.length).toBeGreaterThan(2);
  expect(request.bodyUsed).toBe(true);
});

test('a Request keeps its body where the runtime does not show it', async () => {
  await using server = await serve(steps(status(503), ok));
  const request = Object.defineProperty(new Request(server.url, { method: 'POST', body: 'order' }), 'body', {
    value: undefined,
  });
  await idempotentFetch(soon)(request);
  expect(server.requests.map(({ body }) => body.toString())).toEqual(['order', 'order']);
});

test.each<[string, () => { body: NonNullable<RequestInit['body']>; change: () => void }]>([
  ['a view', () => ((body) => ({ body, change: () => body.fill(0) }))(bytes('a=1'))],
  [
    'a buffer',
    () => (({ buffer }) => ({ body: buffer, change: () => new Uint8Array(buffer).fill(0) }))(bytes('a=1')),
  ],
  ['a form', () => ((body) => ({ body, change: () => body.set('a', '2') }))(new URLSearchParams({ a: '1' }))],
  ['a multipart form', () => ((body) => ({ body, change: () => body.set('item', '2') }))(form())],
])('%s changed after the call changes no retry', async (_name, make) => {
  const { body, change } = make();
  await using server = await serve(({ number }, response) => {
    change();
    response.writeHead(number === 1 ? 503 : 200).end();
  });
  await idempotentFetch(soon)(server.url, { method: 'POST', body });
  const [first, second] = server.requests.map((request) => withoutBoundary(request.body.toString()));
  expect(first).toMatch(/a=1|book/);
  expect(second).toBe(first);
});

test('a stream longer than maxRequestBytes is refused, stopped, and not sent', async () => {
  let cancelled = false;
  const endless = new ReadableStream({
    pull: (controller) => controller.enqueue(bytes('0123456789')),
    cancel: () => {
      cancelled = true;
    },
  });
  await using server = await serve(ok);
  const fetchOnce = idempotentFetch({ maxRequestBytes: 95 });
  const init = { method: 'POST', body: endless, duplex: 'half' } as RequestInit;
  await expect(fetchOnce(server.url, init)).rejects.toThrow(/^maxRequestBytes: /);
  expect(cancelled).toBe(true);
  expect(server.requests).toHaveLength(0);
});

test('a stream that was read from before is refused, not sent empty', async () => {
  const used = streamOf(bytes('a'), bytes('b'));
  const reader = used.getReader();
  await reader.read();
  reader.releaseLock();
  const request = new Request('http://127.0.0.1:9/', { method: 'POST', body: 'order' });
  await request.text();
  await using server = await serve(ok);
  const fetchOnce = idempotentFetch();
  const init = { method: 'POST', body: used, duplex: 'half' } as RequestInit;
  await expect(fetchOnce(server.url, init)).rejects.toThrow(TypeError);
  await expect(fetchOnce(request)).rejects.toThrow(/^input: /);
  expect(server.requests).toHaveLength(0);
});

test('a stream of something other than bytes is refused', async () => {
  const init = { method: 'POST', body: streamOf({ a: 1 }), duplex: 'half' } as RequestInit;
  await expect(idempotentFetch()('http://127.0.0.1:9/', init)).rejects.toThrow(/^body: /);
});

test('a streamed body without a key is passed through and never sent twice', async () => {
  await using server = await serve(steps(status(503), ok));
  const fetchOnce = idempotentFetch({ ...soon, methods: [], maxRequestBytes: 1 });
  const init = { method: 'PUT', body: streamOf(bytes('order')), duplex: 'half' } as RequestInit;
  expect((await fetchOnce(server.url, init)).status).toBe(503);
  expect(server.requests.map(({ body }) => body.toString())).toEqual(['order']);
});
