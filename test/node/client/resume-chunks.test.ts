import fc from 'fast-check';
import { expect, test } from 'vitest';
import { idempotentFetch } from '../../../src/client/index.ts';
import { FIRST, REPLAY } from './cache-status.ts';
import { post } from './orders.ts';

test('wherever it breaks and however it is cut into chunks, every byte comes once', async () => {
  const bytes = fc.uint8Array({ minLength: 0, maxLength: 40 });
  const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 8 });
  const cuts = fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(bytes, sizes, cuts, async (body, chunkSizes, breaks) => {
      let attempt = 0;
      const transport = async () => {
        const end = breaks[attempt] ?? Number.POSITIVE_INFINITY;
        attempt += 1;
        const from = chunked(body.slice(0, end), chunkSizes, end <= body.length);
        return new Response(from, { headers: { 'cache-status': attempt === 1 ? FIRST : REPLAY } });
      };
      const fetchOnce = idempotentFetch({ fetch: transport, baseDelayMs: 0, maxRetries: 4 });
      const response = await fetchOnce('http://gateway.example/', post);
      expect(new Uint8Array(await response.arrayBuffer())).toEqual(body);
    }),
    { numRuns: 200 },
  );
});

function chunked(
  bytes: Uint8Array<ArrayBuffer>,
  sizes: number[],
  breaks: boolean,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let at = 0;
  let turn = 0;
  return new ReadableStream({
    pull(controller) {
      if (at < bytes.length) {
        const size = sizes[turn % sizes.length] ?? 1;
        controller.enqueue(bytes.slice(at, at + size));
        at += size;
        turn += 1;
      } else if (breaks) controller.error(new TypeError('terminated'));
      else controller.close();
    },
  });
}
