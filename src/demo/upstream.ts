/**
 * @module A small API to try the gateway with: orders, one that fails the first time, and an
 * OpenAI-compatible chat completion, plain and streaming. It is a Worker of its own, which `npm start` runs
 * beside the gateway; it is not deployed with it. Runs in: the Worker.
 *
 * What it makes has random names: a gateway that was started anew remembers what it has seen, and this API
 * does not.
 */

import { Hono } from 'hono';
import { streamSSE } from 'hono/streaming';

/** Since this API was started. */
const runs = { orders: 0, completions: 0 };

const app = new Hono();

app.get('/', (c) => c.json({ api: 'Oncegate demo upstream', runs }));

app.post('/orders', async (c) => {
  runs.orders += 1;
  const order: unknown = await c.req.json().catch(() => null);
  return c.json({ id: randomName('order'), order }, 201);
});

/** Keys whose first request has failed. As many are remembered as somebody tries by hand. */
const failedOnce = new Set<string>();
const FAILED_MAX = 1_000;

/** Fails the first time for each key and works the second, so that a retry can be seen to run again. */
app.post('/flaky', (c) => {
  const key = c.req.header('idempotency-key') ?? '';
  if (failedOnce.delete(key)) return c.json({ id: randomName('order') });
  for (const oldest of failedOnce) {
    if (failedOnce.size < FAILED_MAX) break;
    failedOnce.delete(oldest);
  }
  failedOnce.add(key);
  return c.json({ error: 'This fails the first time for each key. Try again with the same one.' }, 500);
});

/**
 * With the words below, some 15 seconds: long enough to break the stream off by hand and to come back to it.
 */
const WORD_EVERY_MS = 400;

app.post('/v1/chat/completions', async (c) => {
  const request: unknown = await c.req.json().catch(() => null);
  const streaming =
    typeof request === 'object' && request !== null && Reflect.get(request, 'stream') === true;
  runs.completions += 1;
  const id = randomName('chatcmpl');
  const words =
    `This is ${id}. It takes about fifteen seconds, word by word, so that you can press Ctrl-C now, send the same \
request again, and get this very completion from its first word on: it goes on meanwhile, and is paid for once.`.split(
      ' ',
    );
  const common = { id, created: Math.floor(Date.now() / 1000), model: 'demo' };
  if (!streaming) {
    return c.json({
      ...common,
      object: 'chat.completion',
      choices: [
        { index: 0, message: { role: 'assistant', content: words.join(' ') }, finish_reason: 'stop' },
      ],
      usage: { prompt_tokens: 1, completion_tokens: words.length, total_tokens: 1 + words.length },
    });
  }
  return streamSSE(c, async (stream) => {
    const send = (delta: object, finish: string | null) =>
      stream.writeSSE({
        data: JSON.stringify({
          ...common,
          object: 'chat.completion.chunk',
          choices: [{ index: 0, delta, finish_reason: finish }],
        }),
      });
    for (const [index, word] of words.entries()) {
      await send(index === 0 ? { role: 'assistant', content: word } : { content: ` ${word}` }, null);
      await stream.sleep(WORD_EVERY_MS);
    }
    await send({}, 'stop');
    await stream.writeSSE({ data: '[DONE]' });
  });
});

function randomName(kind: string): string {
  return `${kind}_${crypto.randomUUID().slice(0, 8)}`;
}

export default app;
