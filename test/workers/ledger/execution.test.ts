import { expect, test } from 'vitest';
import { Execution } from '../../../src/ledger/run/execution.ts';
import { PIECE_BYTES } from '../../../src/record/format.ts';
import { gatedStore } from './gated-store.ts';
import { policyFor } from './world.ts';

async function textWithin(
  stream: ReadableStream<Uint8Array>,
  ms: number,
): Promise<{ text: string; ended: boolean }> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let text = '';
  for (;;) {
    const read = reader.read();
    const next = await Promise.race([read, new Promise<null>((resolve) => setTimeout(resolve, ms, null))]);
    if (next === null) return { text, ended: false };
    if (next.done) return { text, ended: true };
    text += decoder.decode(next.value, { stream: true });
  }
}

function chunked(text: string): Response {
  return new Response(new Response(text).body);
}

test('the end of a body of unknown length is held back until the response is recorded', async () => {
  const { store, open } = gatedStore();
  const execution = new Execution('f', policyFor(), store);
  const before = execution.body.attach().stream();
  const run = execution.run(Promise.resolve(chunked('all of it')));
  expect(await textWithin(before, 50)).toEqual({ text: 'all of it', ended: false });
  open();
  await run;
  expect(await textWithin(execution.body.attach().stream(), 50)).toEqual({ text: 'all of it', ended: true });
});

test('the last byte of a body of known length is held back until the response is recorded', async () => {
  const { store, open } = gatedStore();
  const execution = new Execution('f', policyFor(), store);
  const before = execution.body.attach().stream();
  const headers = { 'content-length': '9' };
  const run = execution.run(Promise.resolve(new Response('all of it', { headers })));
  expect(await textWithin(before, 50)).toEqual({ text: 'all of i', ended: false });
  open();
  await run;
});

test('a body that ends in one answer is not waited for, as the answer itself is held back', async () => {
  const { store, told } = gatedStore();
  const execution = new Execution('f', policyFor(), store);
  execution.body.attach();
  await execution.run(Promise.resolve(chunked('all of it')));
  expect(told).toEqual(['completed']);
  expect(execution.body.whole()).toEqual(new TextEncoder().encode('all of it'));
});

test('a body that is too large for one answer is waited for', async () => {
  const { store, told, open } = gatedStore();
  open();
  const large = chunked('x'.repeat(PIECE_BYTES + 1));
  await new Execution('f', policyFor(), store).run(Promise.resolve(large));
  expect(told).toEqual(['completed', 'to be durable']);
});

test.each([
  [200, ['completed']],
  [500, ['failed']],
  [404, ['failed']],
  [301, ['completed']],
  [302, ['completed']],
  [303, ['completed']],
  [307, ['redirected']],
  [308, ['redirected']],
  // What Cloudflare's edge says instead of an upstream that gave no response …
  [520, ['unknown']],
  [522, ['unknown']],
  [524, ['unknown']],
  // … and of one that was never reached.
  [521, ['failed']],
  [523, ['failed']],
  [530, ['failed']],
])('a %i makes the store hear %j', async (status, expected) => {
  const { store, told, open } = gatedStore();
  open();
  await new Execution('f', policyFor(), store).run(Promise.resolve(new Response('x', { status })));
  expect(told).toEqual(expected);
});

test.each([
  ['PATCH', 301, 'redirected'],
  ['PATCH', 302, 'redirected'],
  ['PATCH', 303, 'completed'],
  ['POST', 307, 'redirected'],
])(
  'of a %s, a %i makes the store hear that it is %s, whatever else is recorded',
  async (method, status, expected) => {
    const { store, told, open } = gatedStore();
    open();
    const any = policyFor({ RECORD_STATUSES: '200-599' });
    await new Execution('f', any, store, method).run(Promise.resolve(new Response('x', { status })));
    expect(told).toEqual([expected]);
  },
);

const SPOILED = '{"filler":"xxxxxxxxxxxxxxxx","error":{"message":"boom"}}';

/** A success that says in its body that it failed, to a route that listens. */
function spoiled(headers: Record<string, string> = {}) {
  const body = new Response(SPOILED).body;
  return new Response(body, { headers: { 'content-type': 'application/json', ...headers } });
}

test.each([
  ['of unknown length', {}, {}, ['failed']],
  ['of known length', { 'content-length': String(SPOILED.length) }, {}, ['failed']],
  ['larger than what is recorded', {}, { MAX_RECORD_BYTES: '10' }, ['failed']],
  ['that breaks off', { 'content-length': '1000' }, {}, ['unknown']],
])(
  'a success %s that says in its body that it failed makes the store hear of it',
  async (_, headers, settings, expected) => {
    const { store, told, open } = gatedStore();
    open();
    const execution = new Execution('f', policyFor({ FAILED_WHEN: 'json-error', ...settings }), store);
    // What is too large is read on only for somebody.
    execution.body.attach();
    await execution.run(Promise.resolve(spoiled(headers)));
    expect(told).toEqual(expected);
    expect(execution.recording).toBe(expected[0]);
  },
);

test('the end of a body is held back until it is judged', async () => {
  const { store, told } = gatedStore();
  const execution = new Execution('f', policyFor({ FAILED_WHEN: 'json-error' }), store);
  const before = execution.body.attach().stream();
  const run = execution.run(Promise.resolve(spoiled()));
  const end = textWithin(before, 1_000).then((read) => ({ ...read, told: [...told] }));
  expect(await end).toEqual({ text: SPOILED, ended: true, told: ['failed'] });
  await run;
});

test('an upstream that sends more than it announced is broken, not waited for', async () => {
  const { store, told, open } = gatedStore();
  open();
  const execution = new Execution('f', policyFor(), store);
  const upstream = new Response(new Response('x'.repeat(3_000_000)).body, {
    headers: { 'content-length': '10' },
  });
  await execution.run(Promise.resolve(upstream));
  expect(told).toEqual(['unknown']);
});

test('a service that sends more than it announced is broken, wherever its pieces end', async () => {
  const { store, told, open } = gatedStore();
  open();
  const bindings = {
    UPSTREAM_URL: undefined,
    SERVICE: { fetch() {} },
    ROUTES: [{ path: '/*', service: 'SERVICE' }],
  };
  const pieces = new ReadableStream({
    start(controller) {
      for (const piece of ['hello', ' world']) controller.enqueue(new TextEncoder().encode(piece));
      controller.close();
    },
    type: 'bytes',
  });
  const upstream = new Response(pieces, { headers: { 'content-length': '5' } });
  await new Execution('f', policyFor(bindings), store).run(Promise.resolve(upstream));
  expect(told).toEqual(['unknown']);
});

test.each([
  ['5, 5', '5'],
  ['abc', null],
  ['5, 6', null],
  ['-5', null],
  ['9007199254740992', null],
  ['18446744073709551616', null],
])('the announced length %j is handed on as %j', async (announced, expected) => {
  const { store, told, heads, open } = gatedStore();
  open();
  const upstream = new Response(new Response('12345').body, { headers: { 'content-length': announced } });
  await new Execution('f', policyFor(), store).run(Promise.resolve(upstream));
  expect(told).toEqual(['completed']);
  expect(new Headers(heads[0]?.headers.map(([name, value]) => [name, value])).get('content-length')).toBe(
    expected,
  );
});

test('a response that the store cannot record says so', async () => {
  const { store, open } = gatedStore(false);
  open();
  const execution = new Execution('f', policyFor(), store);
  await execution.run(Promise.resolve(new Response('x')));
  expect(execution.recording).toBe('not-recorded');
});

test('a store that fails leaves the outcome unknown and breaks the response', async () => {
  const { store } = gatedStore();
  const execution = new Execution('f', policyFor(), {
    ...store,
    completed: () => Promise.reject(new Error('disk full')),
  });
  const body = execution.body.attach().stream();
  await execution.run(Promise.resolve(chunked('x')));
  expect(execution.recording).toBe('unknown');
  await expect(new Response(body).text()).rejects.toThrow();
});
