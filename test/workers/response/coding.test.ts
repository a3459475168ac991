import { expect, test } from 'vitest';
import type { HeaderList } from '../../../src/headers.ts';
import { isNegotiatedGzip, withoutGzip } from '../../../src/response/coding.ts';
import type { RespondingAnswer } from '../../../src/response/replay.ts';

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
  const { head, body, size } = await withoutGzip(replayed(await gzip('hello there')));
  expect(await new Response(body).text()).toBe('hello there');
  expect(size).toBe(11);
  expect(head.headers).toEqual([
    ['etag', 'W/"v1"'],
    ['vary', 'Origin, Accept-Encoding'],
  ]);
});

test('a stream is decoded as it is read', async () => {
  const stream = new Response(await gzip('hello there')).body ?? new ReadableStream();
  const { body, size } = await withoutGzip(replayed(stream));
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
  expect(await withoutGzip(answer)).toBe(answer);
});
