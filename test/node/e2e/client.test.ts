import { expect, test } from 'vitest';
import { idempotentFetch, runBatch } from '../../../src/client/index.js';
import { startBrokenNetwork } from '../harness/broken-network.ts';
import { freshGate, freshKey } from '../harness/request.ts';
import { useGateway, useOrigin } from '../harness/use.ts';

const origin = useOrigin();
const gateway = useGateway(() => ({
  vars: {
    UPSTREAM_URL: origin.url,
    ROUTES: [{ path: '/reject/*', stripPrefix: '/reject', concurrent: 'reject' }, { path: '/*' }],
  },
}));

const options = { baseDelayMs: 10, maxDelayMs: 50, maxRetries: 20 };

test('a response that is lost on the way is replayed to the retry', async () => {
  const network = await startBrokenNetwork(gateway.url, 'answered');
  const key = freshKey();
  const response = await idempotentFetch(options)(`${network.url}/count`, {
    method: 'POST',
    headers: { 'idempotency-key': key },
  });
  expect(response.headers.get('idempotent-replayed')).toBe('true');
  expect(await response.json()).toEqual({ run: 1 });
  expect(await origin.runs(key)).toHaveLength(1);
  network.close();
});

test('a stream that breaks in the middle is continued at the byte where it broke', async () => {
  const network = await startBrokenNetwork(gateway.url, 'told');
  const [key, gate] = [freshKey(), freshGate()];
  const response = await idempotentFetch(options)(`${network.url}/sse/${gate}`, {
    method: 'POST',
    headers: { 'idempotency-key': key },
  });
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let text = decoder.decode((await reader?.read())?.value);
  expect(text).toBe('data: first of run 1\n\n');
  network.break();
  await origin.open(gate);
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
    if (done) break;
    text += decoder.decode(value);
  }
  expect(text).toBe('data: first of run 1\n\ndata: last\n\n');
  expect(await origin.runs(key)).toHaveLength(1);
  network.close();
});

test('a request that is still in progress is waited for', async () => {
  const [key, gate] = [freshKey(), freshGate()];
  const init = { method: 'POST', headers: { 'idempotency-key': key } };
  const first = fetch(`${gateway.url}/reject/held/${gate}`, init);
  await origin.arrived(gate);
  const retries: number[] = [];
  const onRetry = () => {
    retries.push(1);
    void origin.open(gate);
  };
  const second = await idempotentFetch({ ...options, onRetry })(`${gateway.url}/reject/held/${gate}`, init);
  expect(second.headers.get('idempotent-replayed')).toBe('true');
  expect(retries.length).toBeGreaterThan(0);
  expect((await first).status).toBe(200);
});

test('a batch that is run again repeats nothing that succeeded', async () => {
  const batchId = freshKey();
  const once = idempotentFetch(options);
  const run = () =>
    runBatch(
      ['a', 'b', 'c'],
      async (item, { key }) => {
        const init = { method: 'POST', headers: { 'idempotency-key': key }, body: item };
        return [key, await (await once(`${gateway.url}/count`, init)).json()] as const;
      },
      { batchId, concurrency: 2 },
    );
  const first = await run();
  const second = await run();
  expect(second.outcomes).toEqual(first.outcomes);
  for (const outcome of first.outcomes) {
    if (outcome.status !== 'succeeded') throw new Error('an item failed');
    expect(await origin.runs(outcome.value[0])).toHaveLength(1);
  }
});
