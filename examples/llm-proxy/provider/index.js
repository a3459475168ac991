/**
 * Stands in for a provider with an API like OpenAI's: a completion, streamed word by word. Each that it makes
 * costs money.
 */
const WORDS = ['You ', 'pay ', 'for ', 'me ', 'once, ', 'in ', 'completion '];
const WORD_EVERY_MS = 150;

let made = 0;

export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (request.method === 'GET' && pathname === '/v1/made') return Response.json({ made });
    if (request.method !== 'POST' || pathname !== '/v1/chat/completions') {
      return Response.json({ error: { message: 'There is no such thing here.' } }, { status: 404 });
    }
    made += 1;
    const words = [...WORDS, String(made)];
    const { stream = false } = await request.json();
    if (!stream)
      return Response.json(completion({ message: { role: 'assistant', content: words.join('') } }));
    return new Response(events(words), { headers: { 'content-type': 'text/event-stream' } });
  },
};

function events(words) {
  const pieces = [
    ...words.map((content) => completion({ delta: { content } })),
    completion({ delta: {}, finish_reason: 'stop' }),
  ];
  const lines = [...pieces.map((piece) => JSON.stringify(piece)), '[DONE]'].values();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = lines.next();
      if (done) return controller.close();
      await new Promise((resolve) => setTimeout(resolve, WORD_EVERY_MS));
      controller.enqueue(new TextEncoder().encode(`data: ${value}\n\n`));
    },
  });
}

function completion(choice) {
  const object = 'delta' in choice ? 'chat.completion.chunk' : 'chat.completion';
  return {
    id: `chatcmpl-${made}`,
    object,
    created: 0,
    model: 'stand-in',
    choices: [{ index: 0, finish_reason: null, ...choice }],
  };
}
