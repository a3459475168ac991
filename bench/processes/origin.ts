/**
 * The upstream API, in a process of its own. The path says what it does: `/json/N` a JSON body of N bytes ·
 * `/slow/MS` 200 bytes after MS milliseconds · `/sse/N` N events, one a millisecond · `/idle` an event, then
 * silence until the client leaves · `/v1/chat/completions` an LLM's answer · `/_runs` how many requests came
 * since it was last asked.
 */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

const bodies = new Map<number, Buffer>();
let runs = 0;

const server = createServer((request, response) => {
  const [, kind = '', argument = ''] = (request.url ?? '/').split('/');
  if (kind === '_runs') {
    response.end(String(runs));
    runs = 0;
    return;
  }
  request.resume();
  request.on('end', () => {
    runs += 1;
    answer(response, kind, Number(argument));
  });
});

function answer(response: ServerResponse, kind: string, argument: number): void {
  switch (kind) {
    case 'slow':
      setTimeout(() => json(response, bodyOf(200)), argument);
      return;
    case 'sse':
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      sendEvents(response, argument);
      return;
    case 'idle':
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: first\n\n');
      return;
    case 'v1':
      json(response, completion);
      return;
    default:
      json(response, bodyOf(argument));
  }
}

function json(response: ServerResponse, body: Buffer): void {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.byteLength });
  response.end(body);
}

function sendEvents(response: ServerResponse, left: number): void {
  if (left === 0) return void response.end('data: [DONE]\n\n');
  response.write(`data: {"left":${left}}\n\n`);
  setTimeout(sendEvents, 1, response, left - 1);
}

function bodyOf(size: number): Buffer {
  const known = bodies.get(size) ?? Buffer.from(`{"pad":"${'x'.repeat(Math.max(0, size - 10))}"}`);
  bodies.set(size, known);
  return known;
}

const completion = Buffer.from(
  JSON.stringify({
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1,
    model: 'gpt-4o',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: 'x'.repeat(700) },
        logprobs: null,
        finish_reason: 'stop',
      },
    ],
    usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
  }),
);

server.keepAliveTimeout = 120_000;
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`ready http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
