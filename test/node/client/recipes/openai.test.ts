import OpenAI from 'openai';
import { describe, expect, test } from 'vitest';
import { deterministicKey, idempotentFetch } from '../../../../src/client/index.ts';
import { ANSWER, llmBehindGateway, losses } from './llm.ts';

const question = { model: 'gpt-4o', messages: [{ role: 'user' as const, content: 'What is it?' }] };
const fast = { baseDelayMs: 1, maxDelayMs: 1 };

describe('OpenAI SDK with idempotentFetch', () => {
  test.each(losses)('%s is billed once', async (_name, cut) => {
    await using gateway = await llmBehindGateway({ cut });
    const client = new OpenAI({
      apiKey: 'test',
      baseURL: `${gateway.url}/v1`,
      fetch: idempotentFetch(fast),
      maxRetries: 0,
    });
    const completion = await client.chat.completions.create(question);
    expect(completion.choices[0]?.message.content).toBe(ANSWER);
    expect(gateway.billed()).toBe(1);
    expect(new Set(gateway.keys()).size).toBe(1);
  });

  test.each(losses)('streaming: %s is billed once, and every word comes once', async (_name, cut) => {
    await using gateway = await llmBehindGateway({ cut });
    const client = new OpenAI({
      apiKey: 'test',
      baseURL: `${gateway.url}/v1`,
      fetch: idempotentFetch(fast),
      maxRetries: 0,
    });
    let text = '';
    for await (const chunk of await client.chat.completions.create({ ...question, stream: true })) {
      text += chunk.choices[0]?.delta.content ?? '';
    }
    expect(text).toBe(ANSWER);
    expect(gateway.billed()).toBe(1);
  });

  test('a key of one’s own makes the same question on another day free', async () => {
    await using gateway = await llmBehindGateway();
    const ask = async () => {
      const client = new OpenAI({
        apiKey: 'test',
        baseURL: `${gateway.url}/v1`,
        fetch: idempotentFetch(),
        maxRetries: 0,
      });
      const headers = { 'Idempotency-Key': await deterministicKey('summary', 'doc-1', 3) };
      return client.chat.completions.create(question, { headers });
    };
    expect(await ask()).toEqual(await ask());
    expect(gateway.billed()).toBe(1);
  });
});

describe('OpenAI SDK with its own retries', () => {
  test('sends no key by itself, so the gateway refuses it', async () => {
    await using gateway = await llmBehindGateway();
    const client = new OpenAI({ apiKey: 'test', baseURL: `${gateway.url}/v1` });
    await expect(client.chat.completions.create(question)).rejects.toMatchObject({ status: 400 });
    expect(gateway.keys()).toEqual([undefined]);
  });

  test('sends one key on every retry once its idempotencyHeader is set', async () => {
    class KeyedOpenAI extends OpenAI {
      protected override idempotencyHeader = 'Idempotency-Key';
    }
    await using gateway = await llmBehindGateway({ cut: (connection) => (connection === 1 ? 0 : undefined) });
    const client = new KeyedOpenAI({ apiKey: 'test', baseURL: `${gateway.url}/v1` });
    const completion = await client.chat.completions.create(question);
    expect(completion.choices[0]?.message.content).toBe(ANSWER);
    const [first, second, ...more] = gateway.keys();
    expect(first).toMatch(/^stainless-node-retry-/);
    expect([second, more]).toEqual([first, []]);
    expect(gateway.billed()).toBe(1);
  });
});
