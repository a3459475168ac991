import { createHash, randomUUID } from 'node:crypto';
import Anthropic from '@anthropic-ai/sdk';
import { LLMock } from '@copilotkit/aimock';
import OpenAI from 'openai';
import Stripe from 'stripe';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { useGateway, useOrigin } from '../harness/use.ts';

const provider = new LLMock({ port: 0 });
const origin = useOrigin();

/**
 * The provider takes this long before it answers; a client that waits half as long gives up on its first
 * attempt.
 */
const PROVIDER_LATENCY_MS = 2_000;
const IMPATIENT_MS = 1_000;

provider.onMessage(/./, { content: 'Once, and only once.' }, { chunkSize: 4, latency: 20 });

const gateway = useGateway(async () => ({
  vars: {
    ROUTES: [
      { path: '/refuse/*', upstream: `${origin.url}/reset/before-head`, unknownOutcome: 'refuse' },
      { path: '/brief/*', upstream: origin.url, stripPrefix: '/brief', maxRecordBytes: 1 },
      { path: '/llm/*', upstream: await provider.start(), stripPrefix: '/llm' },
      { path: '/*', upstream: `${origin.url}/echo` },
    ],
  },
}));

beforeEach(() => {
  provider.clearRequests();
  provider.clearChaos();
});

afterAll(async () => {
  await provider.stop();
});

/** The OpenAI SDK keeps a key across its own retries once it has a header to send it in. */
class IdempotentOpenAI extends OpenAI {
  protected override idempotencyHeader = 'Idempotency-Key';
}

function openai(timeout = 30_000): IdempotentOpenAI {
  return new IdempotentOpenAI({ apiKey: 'key', baseURL: `${gateway.url}/llm/v1`, timeout, maxRetries: 5 });
}

/**
 * The Anthropic SDK runs a middleware for each attempt, with the same options object for all attempts of a
 * call.
 */
function anthropic(timeout = 30_000): Anthropic {
  const keys = new WeakMap<object, string>();
  return new Anthropic({
    apiKey: 'key',
    baseURL: `${gateway.url}/llm`,
    timeout,
    maxRetries: 5,
    middleware: [
      (request, next, { options }) => {
        if (options !== undefined && !request.headers.has('idempotency-key')) {
          const key = keys.get(options) ?? randomUUID();
          keys.set(options, key);
          request.headers.set('idempotency-key', key);
        }
        return next(request);
      },
    ],
  });
}

const question = { role: 'user', content: 'How often is this paid for?' } as const;
const chat = { model: 'gpt-5', messages: [question] };
const message = { model: 'claude-opus-5', max_tokens: 100, messages: [question] };

/** Each SDK's call, plain and streaming, as the text that it brings. */
const calls: [name: string, call: (timeout?: number) => Promise<string>][] = [
  [
    'openai',
    async (timeout) => {
      const completion = await openai(timeout).chat.completions.create(chat);
      return completion.choices[0]?.message.content ?? '';
    },
  ],
  [
    'openai, streaming',
    async (timeout) => {
      let text = '';
      for await (const chunk of await openai(timeout).chat.completions.create({ ...chat, stream: true })) {
        text += chunk.choices[0]?.delta.content ?? '';
      }
      return text;
    },
  ],
  [
    'anthropic',
    async (timeout) => {
      const [block] = (await anthropic(timeout).messages.create(message)).content;
      return block?.type === 'text' ? block.text : '';
    },
  ],
  [
    'anthropic, streaming',
    async (timeout) => {
      let text = '';
      for await (const event of await anthropic(timeout).messages.create({ ...message, stream: true })) {
        if (event.type === 'content_block_delta' && event.delta.type === 'text_delta')
          text += event.delta.text;
      }
      return text;
    },
  ],
];

test.each(calls)('%s works through the gateway unchanged', async (_, call) => {
  expect(await call()).toBe('Once, and only once.');
  expect(provider.getRequests()).toHaveLength(1);
});

test.each(calls)(
  '%s: when its first attempts time out, the provider is still called once',
  async (_, call) => {
    provider.setChaos({ latencyMs: PROVIDER_LATENCY_MS });
    expect(await call(IMPATIENT_MS)).toBe('Once, and only once.');
    expect(provider.getRequests()).toHaveLength(1);
  },
);

test('a stream that its reader left can be asked for again with the same key, without a second call', async () => {
  const idempotencyKey = randomUUID();
  const params = { ...chat, stream: true } as const;
  for await (const _ of await openai().chat.completions.create(params, { idempotencyKey })) break;
  let text = '';
  for await (const chunk of await openai().chat.completions.create(params, { idempotencyKey })) {
    text += chunk.choices[0]?.delta.content ?? '';
  }
  expect(text).toBe('Once, and only once.');
  expect(provider.getRequests()).toHaveLength(1);
});

test('the stripe SDK, which sends keys of its own, is replayed', async () => {
  const { hostname, port } = new URL(gateway.url);
  const stripe = new Stripe('sk_test_x', { host: hostname, port, protocol: 'http', telemetry: false });
  const idempotencyKey = randomUUID();
  const pay = () => stripe.paymentIntents.create({ amount: 100, currency: 'eur' }, { idempotencyKey });
  const first = await pay();
  const second = await pay();
  expect(first.lastResponse.headers['idempotent-replayed']).toBeUndefined();
  expect(second.lastResponse.headers['idempotent-replayed']).toBe('true');
  expect(second.lastResponse.statusCode).toBe(200);
  expect(await origin.runs(idempotencyKey)).toHaveLength(1);

  const reused = stripe.paymentIntents.create({ amount: 200, currency: 'eur' }, { idempotencyKey });
  await expect(reused).rejects.toMatchObject({
    rawType: 'idempotency_error',
    code: 'key-reused',
    statusCode: 422,
  });
});

/**
 * Problems that no retry mends, and what becomes of all requests when a call that leads to them is made
 * twice.
 */
const finals = [
  ['outcome-unknown', '/refuse', ['upstream-unreachable', 'outcome-unknown', 'outcome-unknown']],
  ['not-recorded', '/brief/count', ['executed', 'not-recorded']],
] as const;

/** A call of each SDK to a path of the gateway, under a key; it retries what it thinks is worth it. */
const callers: [name: string, call: (path: string, idempotencyKey: string) => Promise<unknown>][] = [
  [
    'openai',
    (path, idempotencyKey) =>
      new IdempotentOpenAI({ apiKey: 'key', baseURL: gateway.url, maxRetries: 2 }).post(path, {
        body: {},
        idempotencyKey,
      }),
  ],
  [
    'anthropic',
    (path, key) =>
      new Anthropic({ apiKey: 'key', baseURL: gateway.url, maxRetries: 2 }).post(path, {
        body: {},
        headers: { 'idempotency-key': key },
      }),
  ],
  [
    'stripe',
    (path, idempotencyKey) => {
      const { hostname, port } = new URL(gateway.url);
      const stripe = new Stripe('sk_test_x', {
        host: hostname,
        port,
        protocol: 'http',
        telemetry: false,
        maxNetworkRetries: 2,
      });
      return stripe.rawRequest('POST', path, {}, { idempotencyKey });
    },
  ],
];

test.each(
  callers.flatMap(([name, call]) => finals.map(([slug, ...rest]) => [name, slug, call, ...rest] as const)),
)('%s does not retry %s', async (_, __, call, path, expected) => {
  const key = randomUUID();
  await call(path, key).catch(() => {});
  await expect(call(path, key)).rejects.toThrow();
  // When the log shows a later request, it has shown all of these.
  const last = randomUUID();
  await fetch(`${gateway.url}/x`, { method: 'POST', headers: { 'idempotency-key': last } });
  await gateway.printed(new RegExp(hashOf(last)));
  const outcomes = gateway.output
    .filter((line) => line.includes(hashOf(key)))
    .map((line): string => JSON.parse(line).outcome);
  expect(outcomes).toEqual(expected);
});

/** By which the gateway's log names a key. */
function hashOf(key: string): string {
  return createHash('sha256').update(key).digest('base64url');
}
