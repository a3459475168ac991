import { expect, test } from 'vitest';
import { ByteBudget } from '../../../src/budget.ts';
import type { HeaderList } from '../../../src/headers.ts';
import { isolateMemory } from '../../../src/isolate-memory.ts';
import { isNegotiatedGzip, withoutGzip } from '../../../src/response/coding.ts';
import type { RespondingAnswer } from '../../../src/response/replay.ts';

const OF = { id: 'id', method: 'POST', path: '/x', trace: null };

const negotiated: HeaderList = [
  ['content-encoding', 'gzip'],
  ['content-length', '5'],
  ['content-digest', 'sha-256=:x:'],
  ['etag', '"v1"'],
  ['vary', 'Origin, Accept-Encoding'],
];

async function gzip(text: string): Promise<Uint8Array> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function replayed(body: Uint8Array | ReadableStream<Uint8Array>, headers = negotiated): RespondingAnswer {
  return {
    outcome: 'replayed',
    head: { status: 200, headers },
    body,
    size: 5,
    expiresAt: 0,
    lease: null,
  };
}

test.each([
  ['gzip', { vary: 'Accept-Encoding' }, true],
  ['X-GZIP', { vary: 'origin, accept-encoding' }, true],
  ['gzip', { vary: '*' }, true],
  ['gzip', {}, false],
  ['gzip', { vary: 'x-accept-encoding-not, origin' }, false],
  ['gzip', { vary: 'Accept-Encoding', 'cache-control': 'private, no-transform' }, false],
  ['br', { vary: 'Accept-Encoding' }, false],
  ['gzip, gzip', { vary: 'Accept-Encoding' }, false],
])('a body in %s with %j: that it depends on the client is %s', (coding, fields, expected) => {
  const headers = Object.entries({ 'content-encoding': coding, ...fields });
  expect(isNegotiatedGzip({ status: 200, headers })).toBe(expected);
});

test('what is decoded has fields that are true of it', async () => {
  const { head, body, size } = await withoutGzip(replayed(await gzip('hello there')), OF);
  expect(await new Response(body).text()).toBe('hello there');
  expect(size).toBe(11);
  expect(head.headers).toEqual([
    ['etag', 'W/"v1"'],
    ['vary', 'Origin, Accept-Encoding'],
  ]);
});

test('a stream is decoded as it is read', async () => {
  const stream = new Response(await gzip('hello there')).body ?? new ReadableStream();
  const { body, size } = await withoutGzip(replayed(stream), OF);
  expect(body).toBeInstanceOf(ReadableStream);
  expect(size).toBeNull();
  expect(await new Response(body).text()).toBe('hello there');
});

test.each([
  ['nothing', async () => new Uint8Array(0)],
  ['no gzip', async () => new TextEncoder().encode('hello')],
  ['gzip with something after it', async () => new Uint8Array([...(await gzip('hello')), 0, 0])],
  ['gzip that is cut short', async () => (await gzip('hello')).subarray(0, -3)],
  ['gzip of more than memory has room for', async () => gzip('x'.repeat(9 * 1024 * 1024))],
])('a whole body that is %s stays as it came', async (_, body) => {
  const answer = replayed(await body());
  expect(await withoutGzip(answer, OF)).toBe(answer);
});

const LARGE_BYTES = 1024 * 1024;
const large = 'x'.repeat(LARGE_BYTES);

test.each([
  ['read', async (body: Response) => expect(await body.text()).toBe(large)],
  ['left', async (body: Response) => body.body?.cancel()],
])('a large body that was decoded counts into the memory of its isolate until it is %s', async (_, end) => {
  const { body, size } = await withoutGzip(replayed(await gzip(large)), OF);
  expect(size).toBe(LARGE_BYTES);
  expect(isolateMemory.heldBytes).toBe(LARGE_BYTES);
  await end(new Response(body));
  await expect.poll(() => isolateMemory.heldBytes).toBe(0);
});

test('a body that is not wholly decoded leaves nothing held', async () => {
  await withoutGzip(replayed((await gzip(large)).subarray(0, -3)), OF);
  await withoutGzip(replayed(await gzip('x'.repeat(9 * LARGE_BYTES))), OF);
  expect(isolateMemory.heldBytes).toBe(0);
});

test('where there is no memory to decode a large body, it is decoded while it is read', async () => {
  const budget = new ByteBudget(isolateMemory.maxBytes, isolateMemory);
  const others = { tally: budget.tally, heldBy: () => 0 };
  isolateMemory.join('others', others);
  const hold = budget.hold();
  expect(hold.grow(isolateMemory.maxBytes)).toBe(true);
  const { head, body, size } = await withoutGzip(replayed(await gzip(large)), OF);
  expect(isolateMemory.heldBytes).toBe(others.tally.heldBytes);
  expect(size).toBeNull();
  expect(head.headers.map(([name]) => name)).toEqual(['etag', 'vary']);
  expect(await new Response(body).text()).toBe(large);
  hold.release();
});
