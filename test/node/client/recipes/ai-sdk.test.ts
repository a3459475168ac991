import { createOpenAI } from '@ai-sdk/openai';
import { generateText, streamText } from 'ai';
import { describe, expect, test } from 'vitest';
import { idempotentFetch } from '../../../../src/client/index.ts';
import { ANSWER, llmBehindGateway, losses } from './llm.ts';

const fast = { baseDelayMs: 1, maxDelayMs: 1 };

describe('Vercel AI SDK with idempotentFetch', () => {
  test.each(losses)('generateText: %s is billed once', async (_name, cut) => {
    await using gateway = await llmBehindGateway({ cut });
    const openai = createOpenAI({
      apiKey: 'test',
      baseURL: `${gateway.url}/v1`,
      fetch: idempotentFetch(fast),
    });
    const { text } = await generateText({
      model: openai.chat('gpt-4o'),
      prompt: 'What is it?',
      maxRetries: 0,
    });
    expect(text).toBe(ANSWER);
    expect(gateway.billed()).toBe(1);
    expect(new Set(gateway.keys()).size).toBe(1);
  });

  test.each(losses)('streamText: %s is billed once, and every word comes once', async (_name, cut) => {
    await using gateway = await llmBehindGateway({ cut });
    const openai = createOpenAI({
      apiKey: 'test',
      baseURL: `${gateway.url}/v1`,
      fetch: idempotentFetch(fast),
    });
    const { textStream } = streamText({ model: openai.chat('gpt-4o'), prompt: 'What is it?', maxRetries: 0 });
    let text = '';
    for await (const part of textStream) text += part;
    expect(text).toBe(ANSWER);
    expect(gateway.billed()).toBe(1);
  });

  test('its own retries draw a new key each time and are billed twice: they have to be off', async () => {
    await using gateway = await llmBehindGateway({ cut: (connection) => (connection === 1 ? 0 : undefined) });
    const openai = createOpenAI({
      apiKey: 'test',
      baseURL: `${gateway.url}/v1`,
      fetch: idempotentFetch({ maxRetries: 0 }),
    });
    await generateText({ model: openai.chat('gpt-4o'), prompt: 'What is it?', maxRetries: 1 });
    expect(new Set(gateway.keys()).size).toBe(2);
    expect(gateway.billed()).toBe(2);
  });
});
