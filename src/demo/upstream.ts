/**
 * A small API to try the gateway with: orders that count how often they ran, and an OpenAI-compatible chat completion,
 * plain and streaming. It is a Worker of its own, which `npm start` runs beside the gateway; it is not deployed with it.
 */
import { Hono } from 'hono';
import { streamSSE } from 'hono/streaming';

const runs = { orders: 0, completions: 0 };

const app = new Hono();

app.get('/', (c) => c.json({ api: 'Oncegate demo upstream', runs }));

app.post('/orders', async (c) => {
  runs.orders += 1;
  const order: unknown = await c.req.json().catch(() => null);
  return c.json({ id: `order_${runs.orders}`, run: runs.orders, order }, 201);
});

/** Fails the first time and works the second, so that a retry can be seen to run again. */
app.post('/flaky', (c) => {
  runs.orders += 1;
  return runs.orders % 2 === 1 ? c.json({ error: 'try again' }, 500) : c.json({ run: runs.orders });
});

const WORD_EVERY_MS = 80;

app.post('/v1/chat/completions', async (c) => {
  const request: unknown = await c.req.json().catch(() => null);
  const streaming =
    typeof request === 'object' && request !== null && Reflect.get(request, 'stream') === true;
  runs.completions += 1;
  const words =
    `This is completion number ${runs.completions}, paid for once however often it is asked for again.`.split(
      ' ',
    );
  const common = {
    id: `chatcmpl-${runs.completions}`,
    created: Math.floor(Date.now() / 1000),
    model: 'demo',
  };
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

export default app;
