import { expect, test } from 'vitest';
import { Execution } from '../../../src/ledger/run/execution.ts';
import { gatedStore } from './gated-store.ts';
import { policyFor } from './world.ts';

/** An upstream that never ends, and says when it is cancelled. */
function endless(status: number, bytesAtATime = 100_000) {
  const cancelled = Promise.withResolvers<void>();
  let sent = 0;
  const body = new ReadableStream({
    type: 'bytes',
    pull(controller) {
      sent += bytesAtATime;
      if (bytesAtATime > 0) controller.enqueue(new Uint8Array(bytesAtATime));
      // Silent: nothing more until it is cancelled.
      else if (sent === 0) return new Promise(() => {});
      return;
    },
    cancel: () => cancelled.resolve(),
  });
  return { response: new Response(body, { status }), cancelled: cancelled.promise, sent: () => sent };
}

test.each([
  ['a failure', 500, {}, ['failed'], 'failed'],
  ['a redirect', 307, {}, ['redirected'], 'failed'],
  ['no response, says the edge', 520, {}, ['unknown'], 'unknown'],
  [
    'a success that is too large',
    200,
    { MAX_RECORD_BYTES: '100000' },
    ['completed', 'to be durable'],
    'not-recorded',
  ],
])(
  '%s that nobody reads any more is cancelled at once, and is what its status said',
  async (_, status, settings, expected, recording) => {
    const { store, told, open } = gatedStore();
    open();
    const execution = new Execution('f', policyFor(settings), store);
    const reader = execution.body.attach().stream().getReader();
    const upstream = endless(status);
    const run = execution.run(Promise.resolve(upstream.response));
    for (let read = 0; read < 1_500_000; ) read += (await reader.read()).value?.byteLength ?? 0;
    await reader.cancel();
    await upstream.cancelled;
    await run;
    expect(told).toEqual(expected);
    expect(execution.recording).toBe(recording);
    // A piece or two may have been on their way.
    expect(upstream.sent()).toBeLessThan(4_000_000);
  },
);

test('a failure is cancelled while its upstream says nothing', async () => {
  const { store, told } = gatedStore();
  const execution = new Execution('f', policyFor(), store);
  const reader = execution.body.attach();
  const upstream = endless(500, 0);
  const run = execution.run(Promise.resolve(upstream.response));
  await execution.head;
  reader.leave();
  await upstream.cancelled;
  await run;
  expect(told).toEqual(['failed']);
});

test('a failure whose client has left before its head is cancelled as soon as it is one', async () => {
  const { store, told } = gatedStore();
  const execution = new Execution('f', policyFor(), store);
  execution.body.attach().leave();
  const upstream = endless(500);
  await execution.run(Promise.resolve(upstream.response));
  await upstream.cancelled;
  expect(told).toEqual(['failed']);
});

test('a success that nobody reads any more is read to its end, and recorded', async () => {
  const { store, told, open } = gatedStore();
  open();
  const execution = new Execution('f', policyFor(), store);
  const reader = execution.body.attach();
  const run = execution.run(Promise.resolve(new Response(new Response('x'.repeat(2_000_000)).body)));
  reader.leave();
  await run;
  expect(told).toEqual(['completed', 'to be durable']);
  expect(execution.body.size).toBe(2_000_000);
});
