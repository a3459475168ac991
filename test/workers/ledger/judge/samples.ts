/** Bodies as the providers send them, cut down. Each list of lines is joined by line feeds. */

const CHAT =
  '{"id":"c1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}';
const CHAT_END =
  '{"id":"c1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}';
const CHAT_USAGE = '{"id":"c1","object":"chat.completion.chunk","choices":[],"usage":{"total_tokens":3}}';

const MESSAGE_START = [
  'event: message_start',
  'data: {"type":"message_start","message":{"id":"m1","type":"message","role":"assistant","content":[]}}',
  '',
  'event: content_block_delta',
  'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi \\"event: error\\""}}',
  '',
];
const MESSAGE_STOP = ['event: message_stop', 'data: {"type":"message_stop"}', '', ''];

const RESPONSE_CREATED = [
  'event: response.created',
  'data: {"type":"response.created","response":{"id":"r1","object":"response","status":"in_progress","error":null}}',
  '',
  'event: response.output_text.delta',
  'data: {"type":"response.output_text.delta","delta":"Hi"}',
  '',
];

const GEMINI = '{"candidates":[{"content":{"parts":[{"text":"Hi"}]}}],"modelVersion":"gemini"}';

function sse(...data: string[]): string[] {
  return [...data.flatMap((text) => [`data: ${text}`, '']), ''];
}

/** A name, the lines, and the rule that the default `sse-error,no-end-mark` finds broken. */
export const streams: readonly [name: string, lines: readonly string[], rule: string | null][] = [
  // OpenAI, chat completions and completions.
  ['chat, whole', sse(CHAT, CHAT_END, CHAT_USAGE, '[DONE]'), null],
  ['chat, whole, without [DONE], as many servers send it', sse(CHAT, CHAT_END), null],
  ['chat, cut off', sse(CHAT), 'no-end-mark'],
  ['chat, [DONE] without a reason', sse(CHAT, '[DONE]'), null],
  ['chat, a second choice cut off', sse(CHAT, CHAT_END, CHAT), 'no-end-mark'],
  [
    'chat, an error as data',
    sse(CHAT, '{"error":{"message":"overloaded","type":"server_error","code":null}}'),
    'sse-error',
  ],
  ['chat, an error and [DONE]', sse('{"error":{"message":"overloaded"}}', '[DONE]'), 'sse-error'],
  [
    'chat, an error in a chunk (OpenRouter)',
    sse(CHAT, CHAT_END.replace('"stop"', '"error"').replace('"id"', '"error":{"code":502},"id"'), '[DONE]'),
    'sse-error',
  ],
  [
    'chat, the reason error (Mistral)',
    sse(CHAT, CHAT_END.replace('"stop"', '"error"'), '[DONE]'),
    'sse-error',
  ],
  [
    'chat, error null in every chunk',
    sse(CHAT.replace('"id"', '"error":null,"id"'), CHAT_END, '[DONE]'),
    null,
  ],
  [
    'chat, an event named error',
    [...sse(CHAT), 'event: error', 'data: {"error":{"message":"overloaded"}}', '', ''],
    'sse-error',
  ],
  [
    'chat, the word error in the text',
    sse(CHAT.replace('Hi', 'event: error {\\"error\\":1}'), CHAT_END, '[DONE]'),
    null,
  ],
  [
    'text completion, cut off',
    sse('{"object":"text_completion","choices":[{"text":"Hi","finish_reason":null}]}'),
    'no-end-mark',
  ],
  [
    'an error object (vLLM)',
    sse('{"object":"error","message":"boom","type":"Internal","code":500}'),
    'sse-error',
  ],
  [
    'an error text (TGI)',
    sse('{"error":"Request failed during generation","error_type":"generation"}'),
    'sse-error',
  ],
  // OpenAI, Responses.
  [
    'responses, whole',
    [
      ...RESPONSE_CREATED,
      'event: response.completed',
      'data: {"type":"response.completed","response":{"error":null}}',
      '',
      '',
    ],
    null,
  ],
  [
    'responses, out of tokens',
    [...RESPONSE_CREATED, 'data: {"type":"response.incomplete","response":{}}', '', ''],
    null,
  ],
  [
    'responses, failed',
    [
      ...RESPONSE_CREATED,
      'event: response.failed',
      'data: {"type":"response.failed","response":{"error":{"code":"server_error"}}}',
      '',
      '',
    ],
    'sse-error',
  ],
  [
    'responses, error',
    [
      ...RESPONSE_CREATED,
      'event: error',
      'data: {"type":"error","code":"server_error","message":"boom","param":null}',
      '',
      '',
    ],
    'sse-error',
  ],
  [
    'responses, error without a name',
    [
      ...RESPONSE_CREATED,
      'data: {"type":"error","code":"server_error","message":"boom","param":null}',
      '',
      '',
    ],
    'sse-error',
  ],
  ['responses, cut off', [...RESPONSE_CREATED, ''], 'no-end-mark'],
  // Anthropic.
  ['messages, whole', [...MESSAGE_START, 'event: ping', 'data: {"type":"ping"}', '', ...MESSAGE_STOP], null],
  [
    'messages, error in the middle',
    [
      ...MESSAGE_START,
      'event: error',
      'data: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}',
      '',
      '',
    ],
    'sse-error',
  ],
  ['messages, cut off', [...MESSAGE_START, ''], 'no-end-mark'],
  [
    'messages, the end mark without its blank line',
    [...MESSAGE_START, 'event: message_stop', 'data: {"type":"message_stop"}'],
    null,
  ],
  [
    'messages, a tool’s own error',
    [
      ...MESSAGE_START,
      'data: {"type":"content_block_start","content_block":{"type":"error","error":"x"}}',
      '',
      ...MESSAGE_STOP,
    ],
    null,
  ],
  // Gemini.
  ['gemini, which has no end mark', sse(GEMINI), null],
  [
    'gemini, error',
    sse(GEMINI, '{"error":{"code":503,"message":"overloaded","status":"UNAVAILABLE"}}'),
    'sse-error',
  ],
  // Vercel’s UI messages.
  [
    'ui messages, error',
    sse('{"type":"start"}', '{"type":"error","errorText":"boom"}', '[DONE]'),
    'sse-error',
  ],
  // Streams of no such protocol.
  ['any stream, an event named error', ['data: 1', '', 'event: error', 'data: boom', '', ''], 'sse-error'],
  ['any stream, an event named error without data', ['event:error', '', ''], 'sse-error'],
  [
    'any stream, errors of single items',
    sse('{"item":1,"error":"bad address"}', '{"item":2,"sent":true}', '{"item":3,"error":"bad address"}'),
    null,
  ],
  ['any stream, an error that is not the last word', sse('{"error":"bad address"}', '{"sent":2}'), null],
  ['any stream, an error before a text', sse('{"error":"bad address"}', 'done'), null],
  ['any stream, no end', sse('first', 'last'), null],
  [
    'a JSON-RPC answer',
    ['event: message', 'data: {"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"bad"}}', '', ''],
    null,
  ],
  ['empty', [], null],
  ['comments only', [': keep-alive', '', ': event: error', '', ''], null],
  // The forms of the format itself.
  ['an event named errors', ['event: errors', 'data: 1', '', ''], null],
  ['an event renamed before its end', ['event: error', 'event: fine', 'data: 1', '', ''], null],
  ['a field whose name only begins so', ['eventually: error', 'data2: {"error":"x"}', '', ''], null],
  ['event: error inside data', ['data: event: error', '', ''], null],
  [
    'JSON over several lines',
    ['data: {"type":', 'data:"error",', 'data: "message":"x"}', '', ''],
    'sse-error',
  ],
  [
    'fields in another order, and others between',
    ['id: 1', 'data: {', 'retry: 10', 'event: error', 'data: }', '', ''],
    'sse-error',
  ],
  ['a name in escapes', sse('{"\\u0065rror":"x"}'), 'sse-error'],
  [
    'a line of 300 000 characters before',
    sse(`{"text":"${'x'.repeat(300_000)}","object":"chat.completion.chunk"}`, '{"error":"x"}'),
    'sse-error',
  ],
  ['data that is no JSON', sse('{"error":"x"', '[DONE'), null],
];

/**
 * A name, the text, and the rule that `json-error,json:/ok=false,json:/a/1/b~1="x, y",json:/n=1` finds
 * broken.
 */
export const documents: readonly [name: string, text: string, rule: string | null][] = [
  ['an error object', '{"error":{"message":"boom"}}', 'json-error'],
  ['an error text', '{"id":1,"error":"boom"}', 'json-error'],
  ['a long error text', `{"error":"${'x'.repeat(100)}"}`, 'json-error'],
  ['error true', '{"error":true}', 'json-error'],
  ['an error number', '{"error":404}', 'json-error'],
  ['error null', '{"error":null,"result":1}', null],
  ['error false', '{"error":false}', null],
  ['error 0', '{"error":0}', null],
  ['error ""', '{"error":""}', null],
  ['error {}', '{"error":{}}', null],
  ['error []', '{"error":[ ]}', null],
  ['an error of nulls (OpenAI’s fine-tuning jobs)', '{"error":{"code":null,"message":null}}', null],
  [
    'a failed response (OpenAI)',
    '{"object":"response","status":"failed","error":{"code":"server_error"}}',
    'json-error',
  ],
  ['JSON-RPC error', '{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"x"}}', 'json-error'],
  ['JSON-RPC 1 result', '{"id":1,"error":null,"result":{"error":1}}', null],
  ['GraphQL, data null', '{"errors":[{"message":"x"}],"data":null}', 'json-error'],
  ['GraphQL, no data', '{"errors":[{"message":"x"}]}', 'json-error'],
  ['GraphQL, errors of a part', '{"data":{"a":1,"b":null},"errors":[{"message":"x"}]}', null],
  ['GraphQL, no errors', '{"errors":[],"data":null}', null],
  ['Slack', '{"ok":false,"warning":"x"}', 'json:/ok=false'],
  ['Slack, well', '{"ok":true}', null],
  ['ok as a text', '{"ok":"false"}', null],
  ['ok further down', '{"a":{"ok":false}}', null],
  ['a nested value', '{"a":[0,{"b/":"x, y"}]}', 'json:/a/1/b~1="x, y"'],
  ['a nested value in escapes', '{"a":[0,{"b\\/":"\\u0078, y"}]}', 'json:/a/1/b~1="x, y"'],
  ['a nested value elsewhere', '{"a":[{"b/":"x, y"}]}', null],
  ['a number spelt otherwise', '{"n":1.0e0}', 'json:/n=1'],
  ['a number of another value', '{"n":1.01}', null],
  ['the last of two members counts', '{"ok":false,"ok":true,"error":{"a":1},"error":null}', null],
  ['an object replaced by another', '{"a":[0,{"b/":"x, y"}],"a":[]}', null],
  ['the names in escapes', '{"\\u006fk":false}', 'json:/ok=false'],
  ['the word in a text', '{"text":"\\"error\\":{\\"a\\":1}, \\\\"}', null],
  ['white space and a byte order mark', '\ufeff \r\n\t{ "error" : { "a" : 1 } } \n', 'json-error'],
  ['cut off', '{"error":{"message":"boom"}', null],
  ['more after it', '{"error":"boom"} {}', null],
  ['no JSON', 'error: boom', null],
  ['brackets that do not match', '{"error":"boom"]', null],
  ['a batch', '[{"error":"boom"}]', null],
  ['empty', '', null],
  ['null', 'null', null],
  ['a text', '"error"', null],
  ['deep', `{"deep":${'['.repeat(50_000)}${']'.repeat(50_000)},"error":"boom"}`, 'json-error'],
];
