import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { createOpenAI } from '@ai-sdk/openai';
import Anthropic from '@anthropic-ai/sdk';
import { streamText } from 'ai';
import OpenAI from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freshKey, post } from '../harness/request.ts';
import { useGateway } from '../harness/use.ts';

const EVENTS = 'text/event-stream';

function sse(...events: (object | string)[]): string {
  return events
    .map((event) => {
      const data = typeof event === 'string' ? event : JSON.stringify(event);
      const name =
        typeof event === 'object' && 'type' in event && !('errorText' in event)
          ? `event: ${event.type}\n`
          : '';
      return `${name}data: ${data}\n\n`;
    })
    .join('');
}

const chunk = (content: string, finish: string | null = null) => ({
  id: 'chatcmpl-1',
  object: 'chat.completion.chunk',
  created: 1,
  model: 'gpt-5',
  choices: [{ index: 0, delta: { role: 'assistant', content }, finish_reason: finish }],
});
const overloaded = { message: 'The server is overloaded', type: 'server_error', param: null, code: null };
const response = (status: string, error: object | null = null) => ({
  id: 'resp_1',
  object: 'response',
  created_at: 1,
  model: 'gpt-5',
  status,
  error,
  output: [],
});
const messageStart = {
  type: 'message_start',
  message: {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'claude',
    content: [],
    stop_reason: null,
    usage: { input_tokens: 1, output_tokens: 1 },
  },
};
const blockStart = { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } };
const blockDelta = (text: string) => ({
  type: 'content_block_delta',
  index: 0,
  delta: { type: 'text_delta', text },
});
const messageEnd = [
  { type: 'content_block_stop', index: 0 },
  { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 2 } },
  { type: 'message_stop' },
];

/** What comes first and what comes then, for each path. */
const answers: Record<string, { type: string; first: string; later: string }> = {
  'chat-error': {
    type: EVENTS,
    first: sse(chunk('Hel'), { error: overloaded }),
    later: sse(chunk('Hello'), chunk('', 'stop'), '[DONE]'),
  },
  'chat-error-first': {
    type: EVENTS,
    first: sse({ error: overloaded }),
    later: sse(chunk('Hello'), chunk('', 'stop'), '[DONE]'),
  },
  'chat-cut-off': {
    type: EVENTS,
    first: sse(chunk('Hel')),
    later: sse(chunk('Hello'), chunk('', 'stop'), '[DONE]'),
  },
  'responses-failed': {
    type: EVENTS,
    first: sse(
      { type: 'response.created', response: response('in_progress') },
      { type: 'response.failed', response: response('failed', { code: 'server_error', message: 'x' }) },
    ),
    later: sse(
      { type: 'response.created', response: response('in_progress') },
      { type: 'response.completed', response: response('completed') },
    ),
  },
  'responses-cut-off': {
    type: EVENTS,
    first: sse({ type: 'response.created', response: response('in_progress') }),
    later: sse(
      { type: 'response.created', response: response('in_progress') },
      { type: 'response.completed', response: response('completed') },
    ),
  },
  'messages-error': {
    type: EVENTS,
    first: sse(messageStart, blockStart, blockDelta('Hel'), {
      type: 'error',
      error: { type: 'overloaded_error', message: 'Overloaded' },
    }),
    later: sse(messageStart, blockStart, blockDelta('Hello'), ...messageEnd),
  },
  'messages-cut-off': {
    type: EVENTS,
    first: sse(messageStart, blockStart, blockDelta('Hel')),
    later: sse(messageStart, blockStart, blockDelta('Hello'), ...messageEnd),
  },
  'any-error': { type: EVENTS, first: 'data: 1\n\nevent: error\ndata: x\n\n', later: 'data: 1\n\n' },
  'json-error': { type: 'application/json', first: '{"error":{"message":"x"}}', later: '{"id":1}' },
  'json-rpc': {
    type: 'application/json',
    first: '{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"x"}}',
    later: '{"jsonrpc":"2.0","id":1,"result":1}',
  },
  graphql: {
    type: 'application/graphql-response+json',
    first: '{"data":null,"errors":[{"message":"x"}]}',
    later: '{"data":{"a":1}}',
  },
  slack: { type: 'application/json; charset=utf-8', first: '{"ok":false}', later: '{"ok":true}' },
};

const runs = new Map<string, number>();
const upstream = createServer(async (request, answer) => {
  for await (const _ of request); // The whole request, before anything is answered.
  const key = String(request.headers['idempotency-key']);
  const run = (runs.get(key) ?? 0) + 1;
  runs.set(key, run);
  const [, name = '', coding = ''] = request.url?.split('/') ?? [];
  const { type, first, later } = answers[name] ?? { type: 'text/plain', first: '', later: '' };
  answer.setHeader('content-type', type);
  const body = Buffer.from(run === 1 ? first : later);
  // A coding in capitals is one that the runtime does not take off by itself.
  if (coding === 'GZIP') answer.setHeader('content-encoding', 'GZIP').end(gzipSync(body));
  else answer.end(body);
});

beforeAll(async () => {
  await once(upstream.listen(0, '127.0.0.1'), 'listening');
});

const gateway = useGateway(() => ({
  vars: {
    UPSTREAM_URL: `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`,
    ROUTES: [
      { path: '/json/*', stripPrefix: '/json', failedWhen: 'json-error,json:/ok=false' },
      { path: '/none/*', stripPrefix: '/none', failedWhen: 'none' },
      { path: '/refuse/*', stripPrefix: '/refuse', unknownOutcome: 'refuse' },
      { path: '/*' },
    ],
  },
}));

afterAll(() => void upstream.close());

test.each([
  ...['chat-error', 'chat-error-first', 'chat-cut-off', 'responses-failed', 'responses-cut-off'],
  ...['messages-error', 'messages-cut-off', 'any-error', 'refuse/messages-error', 'chat-error/GZIP'],
  ...['json/json-error', 'json/json-rpc', 'json/graphql', 'json/slack', 'json/json-error/GZIP'],
])('%s: the failure reaches its client as it came, and the retry runs again', async (path) => {
  const { first, later } = answers[path.replace(/^(json|refuse)\/|\/GZIP$/g, '')] ?? {};
  const key = freshKey();
  const text = async () => {
    const response = await post(`${gateway.url}/${path}`, key);
    return { status: response.headers.get('cache-status'), text: await response.text() };
  };
  const once = await text();
  const again = await text();
  const replay = await text();
  if (!path.endsWith('GZIP')) expect([once.text, again.text]).toEqual([first, later]);
  if (path.startsWith('json/')) expect(once.status).toBe('oncegate; fwd=miss; detail=failed');
  expect(again.status).toBe('oncegate; fwd=miss; stored');
  expect(replay).toEqual({ text: again.text, status: expect.stringContaining('hit') });
  expect(runs.get(key)).toBe(2);
});

test.each([
  ...['json-error', 'json-rpc', 'graphql', 'slack'],
  ...['none/chat-error', 'none/messages-cut-off', 'none/any-error'],
])('%s: where no rule is for it, it is recorded', async (path) => {
  const key = freshKey();
  const first = await (await post(`${gateway.url}/${path}`, key)).text();
  expect(await (await post(`${gateway.url}/${path}`, key)).text()).toBe(first);
  expect(runs.get(key)).toBe(1);
});

test('the log says by which rule a run failed, and nothing of its body', async () => {
  await (await post(`${gateway.url}/json/json-error`, freshKey())).text();
  const line = await gateway.printed(/"upstream-said-failed".*"json-error"/);
  expect(line).toContain('"route":"/json/*"');
  expect(line).not.toContain('message');
});

/** Calls until it succeeds, as an application does whose SDK does not retry what breaks in mid-stream. */
async function attempts<T>(call: () => Promise<T>): Promise<[attempts: number, T]> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return [attempt, await call()];
    } catch (error) {
      if (attempt === 5) throw error;
    }
  }
}

const question = { role: 'user', content: 'Hello?' } as const;

test.each(['chat-error', 'chat-error-first'])(
  'the openai SDK, %s: the second attempt succeeds',
  async (path) => {
    const openai = new OpenAI({ apiKey: 'key', baseURL: `${gateway.url}/${path}`, maxRetries: 3 });
    const headers = { 'idempotency-key': freshKey() };
    const [needed, text] = await attempts(async () => {
      let text = '';
      const stream = await openai.chat.completions.create(
        { model: 'gpt-5', messages: [question], stream: true },
        { headers },
      );
      for await (const { choices } of stream) text += choices[0]?.delta.content ?? '';
      return text;
    });
    expect([needed, text]).toEqual([2, 'Hello']);
  },
);

test('the openai SDK, a chat that was cut off: the second attempt succeeds', async () => {
  const openai = new OpenAI({ apiKey: 'key', baseURL: `${gateway.url}/chat-cut-off`, maxRetries: 3 });
  const headers = { 'idempotency-key': freshKey() };
  const [needed, completion] = await attempts(() =>
    openai.chat.completions
      .stream({ model: 'gpt-5', messages: [question] }, { headers })
      .finalChatCompletion(),
  );
  expect([needed, completion.choices[0]?.message.content]).toEqual([2, 'Hello']);
});

test.each(['responses-failed', 'responses-cut-off'])(
  'the openai SDK, %s: the second attempt succeeds',
  async (path) => {
    const openai = new OpenAI({ apiKey: 'key', baseURL: `${gateway.url}/${path}`, maxRetries: 3 });
    const headers = { 'idempotency-key': freshKey() };
    const [needed, status] = await attempts(async () => {
      const final = await openai.responses
        .stream({ model: 'gpt-5', input: 'Hello?' }, { headers })
        .finalResponse();
      if (final.status !== 'completed') throw new Error(`the response is ${final.status}`);
      return final.status;
    });
    expect([needed, status]).toEqual([2, 'completed']);
  },
);

test.each(['messages-error', 'messages-cut-off'])(
  'the anthropic SDK, %s: the second attempt succeeds',
  async (path) => {
    const anthropic = new Anthropic({ apiKey: 'key', baseURL: `${gateway.url}/${path}`, maxRetries: 3 });
    const headers = { 'idempotency-key': freshKey() };
    const [needed, text] = await attempts(() =>
      anthropic.messages
        .stream({ model: 'claude', max_tokens: 9, messages: [question] }, { headers })
        .finalText(),
    );
    expect([needed, text]).toEqual([2, 'Hello']);
  },
);

test('the AI SDK, which retries by itself an error that comes first: its second attempt succeeds', async () => {
  const openai = createOpenAI({ apiKey: 'key', baseURL: `${gateway.url}/chat-error-first` });
  const key = freshKey();
  const { text } = streamText({
    model: openai.chat('gpt-5'),
    prompt: 'Hello?',
    headers: { 'idempotency-key': key },
    maxRetries: 2,
  });
  expect(await text).toBe('Hello');
  expect(runs.get(key)).toBe(2);
});
