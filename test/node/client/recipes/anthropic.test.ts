import Anthropic from '@anthropic-ai/sdk';
import { describe, expect, test } from 'vitest';
import { idempotentFetch, randomKey } from '../../../../src/client/index.ts';
import { ANSWER, llmBehindGateway, losses } from './llm.ts';

const question = {
  model: 'claude-sonnet-5-5',
  max_tokens: 100,
  messages: [{ role: 'user' as const, content: 'What is it?' }],
};
const fast = { baseDelayMs: 1, maxDelayMs: 1 };

describe('Anthropic SDK with idempotentFetch', () => {
  test.each(losses)('%s is billed once', async (_name, cut) => {
    await using gateway = await llmBehindGateway({ cut });
    const client = new Anthropic({
      apiKey: 'test',
      baseURL: gateway.url,
      fetch: idempotentFetch(fast),
      maxRetries: 0,
    });
    const message = await client.messages.create(question);
    expect(message.content).toMatchObject([{ type: 'text', text: ANSWER }]);
    expect(gateway.billed()).toBe(1);
    expect(new Set(gateway.keys()).size).toBe(1);
  });

  test.each(losses)('streaming: %s is billed once, and every word comes once', async (_name, cut) => {
    await using gateway = await llmBehindGateway({ cut });
    const client = new Anthropic({
      apiKey: 'test',
      baseURL: gateway.url,
      fetch: idempotentFetch(fast),
      maxRetries: 0,
    });
    const message = await client.messages.stream(question).finalMessage();
    expect(message.content).toMatchObject([{ type: 'text', text: ANSWER }]);
    expect(gateway.billed()).toBe(1);
  });
});

describe('Anthropic SDK with its own retries', () => {
  test('sends no key by itself, so the gateway refuses it', async () => {
    await using gateway = await llmBehindGateway();
    const client = new Anthropic({ apiKey: 'test', baseURL: gateway.url });
    await expect(client.messages.create(question)).rejects.toMatchObject({ status: 400 });
    expect(gateway.keys()).toEqual([undefined]);
  });

  test('sends a key given as a header on every retry', async () => {
    await using gateway = await llmBehindGateway({ cut: (connection) => (connection === 1 ? 0 : undefined) });
    const client = new Anthropic({ apiKey: 'test', baseURL: gateway.url });
    const key = randomKey();
    await client.messages.create(question, { headers: { 'Idempotency-Key': key } });
    expect(gateway.keys()).toEqual([key, key]);
    expect(gateway.billed()).toBe(1);
  });
});
