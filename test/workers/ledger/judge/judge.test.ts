import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import type { HeaderList } from '../../../../src/headers.ts';
import { judgeOf } from '../../../../src/ledger/run/judge/judge.ts';
import type { Policy } from '../../../../src/protocol.ts';
import { policyFor } from '../world.ts';
import { documents, streams } from './samples.ts';

const JSON_RULES = 'json-error,json:/ok=false,json:/a/1/b~1="x, y",json:/n=1';

function policy(failedWhen?: string): Policy {
  return policyFor({ FAILED_WHEN: failedWhen });
}

const byDefault = policy();
const byJson = policy(JSON_RULES);

function judgeFor(on: Policy, contentType: string, coding?: string) {
  const headers: HeaderList = [
    ['content-type', contentType],
    ...(coding === undefined ? [] : [['content-encoding', coding] as const]),
  ];
  return judgeOf(on, { status: 200, headers }, { id: 'id', method: 'POST', path: '/x', trace: null });
}

/** The verdict on a body that comes in these parts, each in a buffer that is used again. */
function verdict(on: Policy, contentType: string, parts: Iterable<Uint8Array>): string | null {
  const judge = judgeFor(on, contentType);
  if (judge === null) throw new Error('nobody to judge');
  for (const part of parts) {
    const buffer = part.slice();
    judge.see(buffer);
    buffer.fill(0x22);
  }
  const rule = judge.verdict();
  if (rule instanceof Promise) throw new Error('a body without coding is judged at once');
  return rule?.text ?? null;
}

const bytesOf = (text: string) => new TextEncoder().encode(text);

function* cutAt(bytes: Uint8Array, ...places: number[]): Generator<Uint8Array> {
  let from = 0;
  for (const place of [...places, bytes.byteLength]) {
    yield bytes.subarray(from, place);
    from = place;
  }
}

/** All bodies, each a stream in every way to end its lines. */
const bodies: [name: string, on: Policy, type: string, body: Uint8Array, rule: string | null][] = [
  ...streams.flatMap(([name, lines, rule]) =>
    [
      ['LF', '\n'],
      ['CR', '\r'],
      ['CRLF', '\r\n'],
      ['BOM', '\n', '\ufeff'],
    ].map(([ending, lineEnd, mark = '']): (typeof bodies)[number] => [
      `stream, ${name} (${ending})`,
      byDefault,
      'text/event-stream',
      bytesOf(mark + lines.join(lineEnd)),
      rule,
    ]),
  ),
  ...documents.map(([name, text, rule]): (typeof bodies)[number] => [
    `JSON, ${name}`,
    byJson,
    'application/json',
    bytesOf(text),
    rule,
  ]),
];

test.each(bodies)('%s is judged as it should be', (_, on, type, body, rule) => {
  expect(verdict(on, type, [body])).toBe(rule);
});

const shortBodies = bodies.filter(([, , , body]) => body.byteLength < 2_000);

test.each(shortBodies)('%s is judged the same wherever it is cut in two', (_, on, type, body, rule) => {
  for (let place = 0; place <= body.byteLength; place += 1) {
    expect(verdict(on, type, cutAt(body, place))).toBe(rule);
  }
});

test.each(shortBodies)('%s is judged the same byte by byte', (_, on, type, body, rule) => {
  expect(verdict(on, type, cutAt(body, ...body.keys()))).toBe(rule);
});

test('every body is judged the same however it is cut', () => {
  const cut = fc
    .constantFrom(...shortBodies)
    .chain((sample) =>
      fc.tuple(fc.constant(sample), fc.array(fc.nat(sample[3].byteLength), { maxLength: 8 })),
    );
  fc.assert(
    fc.property(cut, ([[, on, type, body, rule], places]) => {
      expect(verdict(on, type, cutAt(body, ...places.sort((a, b) => a - b)))).toBe(rule);
    }),
    { numRuns: 500 },
  );
});

/** What the rules say of a document that is parsed. */
function expectedOf(document: unknown): string | null {
  const of = (value: unknown, name: string): unknown =>
    typeof value === 'object' && value !== null && Object.hasOwn(value, name)
      ? Reflect.get(value, name)
      : undefined;
  const blank = (value: unknown) =>
    typeof value === 'object' && value !== null
      ? Object.values(value).every((member) => member === null)
      : !value;
  if (!Array.isArray(document)) {
    const errors = of(document, 'errors');
    const graphql = Array.isArray(errors) && !blank(errors) && (of(document, 'data') ?? null) === null;
    if (!blank(of(document, 'error')) || graphql) return 'json-error';
    if (of(document, 'ok') === false) return 'json:/ok=false';
    const list = of(document, 'a');
    if (Array.isArray(list) && of(list[1], 'b/') === 'x, y') return 'json:/a/1/b~1="x, y"';
    if (of(document, 'n') === 1) return 'json:/n=1';
  }
  return null;
}

test('any JSON is judged as its parsed value would be', () => {
  const leaf = fc.oneof(
    fc.constantFrom(null, false, true, 0, 1, '', 'x, y', 'x'),
    fc.string({ unit: 'grapheme' }),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
  );
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      leaf,
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom('error', 'errors', 'data', 'ok', 'a', 'b/', 'n', 'é"\\'), tie('value')),
    ),
  }));
  const escaped = (text: string) =>
    text.replace(/[a-z](?=[^"]*":)/g, (letter) => `\\u00${letter.charCodeAt(0).toString(16)}`);
  fc.assert(
    fc.property(value, fc.boolean(), fc.boolean(), (document, indented, escapes) => {
      const text = JSON.stringify(document, null, indented ? 2 : 0);
      const spelt = escapes && !/\\/.test(text) ? escaped(text) : text;
      const expected = expectedOf(JSON.parse(spelt));
      expect(verdict(byJson, 'application/json', [bytesOf(spelt)])).toBe(expected);
    }),
    { numRuns: 2_000 },
  );
});

test('no bytes whatever make a judge throw', () => {
  const byte = fc.constantFrom(...bytesOf('{}[]":,\\\r\n \ufeffdata event error 0-1.2e3 null'));
  fc.assert(
    fc.property(
      fc.array(byte, { maxLength: 200 }),
      fc.constantFrom('text/event-stream', 'application/json'),
      (body, type) => {
        verdict(policy(`sse-error,no-end-mark,${JSON_RULES}`), type, [Uint8Array.from(body)]);
      },
    ),
    { numRuns: 2_000 },
  );
});

test.each([
  ['application/json', byDefault, false],
  ['application/json', byJson, true],
  ['application/vnd.api+json; charset=utf-8', byJson, true],
  ['Text/Event-Stream; charset=utf-8', byDefault, true],
  ['text/event-stream', byJson, true],
  ['text/event-stream', policy('none'), false],
  ['text/html', byJson, false],
  ['application/jsonlines', byJson, false],
  ['application/x-ndjson', byJson, false],
  ['application/vnd.amazon.eventstream', byDefault, false],
  ['', byDefault, false],
])('%j has a judge only where there is something to judge', (type, on, judged) => {
  expect(judgeFor(on, type) !== null).toBe(judged);
});

test.each([
  ['data: {"ok":false}\n\ndata: {"ok":true}\n\n', 'json:/ok=false'],
  ['data: {"jsonrpc":"2.0","error":{"code":1}}\n\n', 'json-error'],
  ['event: error\n\n', null],
])('the rules for JSON hold for each event of a stream: %j', (text, rule) => {
  expect(verdict(byJson, 'text/event-stream', [bytesOf(text)])).toBe(rule);
});

async function coded(body: BodyInit, format: 'gzip' | 'deflate'): Promise<Uint8Array> {
  const stream = new Response(body).body?.pipeThrough(new CompressionStream(format));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** The verdict on coded bytes that come in parts of this size. */
async function codedVerdict(on: Policy, type: string, coding: string, bytes: Uint8Array, size = 1_000) {
  const judge = judgeFor(on, type, coding);
  if (judge === null) return 'nobody to judge';
  for (let at = 0; at < bytes.byteLength; at += size) {
    const buffer = bytes.slice(at, at + size);
    await judge.see(buffer);
    buffer.fill(0x22);
  }
  return (await judge.verdict())?.text ?? null;
}

const WHOLE = `event: message_start\ndata: {"type":"message_start","message":{}}\n\ndata: {"type":"message_stop"}\n\n`;
const CUT_OFF = `data: {"type":"message_start","message":{}}\n\n`;
const SPOILED = `${CUT_OFF}event: error\ndata: {}\n\n`;

test.each([
  ['gzip', 'gzip'],
  ['X-GZIP', 'gzip'],
  ['deflate', 'deflate'],
] as const)('a body with the coding %s is judged without it, however it is cut', async (coding, format) => {
  const cases = [
    [WHOLE, null],
    [CUT_OFF, 'no-end-mark'],
    [SPOILED, 'sse-error'],
    [`: ${'x'.repeat(100_000)}\n\n${SPOILED}`, 'sse-error'],
  ] as const;
  for (const [text, rule] of cases) {
    const bytes = await coded(text, format);
    for (const size of [1, 7, 64 * 1024]) {
      expect(await codedVerdict(byDefault, 'text/event-stream', coding, bytes, size)).toBe(rule);
    }
  }
  const json = await coded('{"error":"boom"}', format);
  expect(await codedVerdict(byJson, 'application/json', coding, json)).toBe('json-error');
});

test.each(['br', 'zstd', 'gzip, br', 'aws-chunked'])('a body with the coding %s is not judged', (coding) => {
  expect(judgeFor(byDefault, 'text/event-stream', coding)).toBeNull();
});

test('where a coded body does not decode, what was seen counts, and nothing is missed', async () => {
  const warned = vi.spyOn(console, 'warn').mockImplementation(() => {});
  const of = (bytes: Uint8Array, size?: number) =>
    codedVerdict(byDefault, 'text/event-stream', 'gzip', bytes, size);
  const gzip = await coded(CUT_OFF, 'gzip');
  const spoiled = await coded(SPOILED, 'gzip');
  const zeros = new Uint8Array(20);
  expect(await of(new Uint8Array(0))).toBeNull();
  expect(await of(bytesOf('not gzip at all'))).toBeNull();
  expect(await of(gzip.subarray(0, gzip.byteLength - 9))).toBeNull();
  expect(await of(Uint8Array.from([...gzip, ...zeros]))).toBeNull();
  expect(await of(Uint8Array.from([...spoiled, ...zeros]), spoiled.byteLength)).toBe('sse-error');
  expect(warned).toHaveBeenCalledWith(expect.stringContaining('"response-not-judged"'));
});

test('a small body that decodes to a huge one is judged to 64 MiB and no further', async () => {
  const warned = vi.spyOn(console, 'warn').mockImplementation(() => {});
  let left = 80;
  const zeros = new ReadableStream({
    pull(controller: ReadableByteStreamController) {
      controller.enqueue(new Uint8Array(1024 * 1024));
      left -= 1;
      if (left === 0) controller.close();
    },
    type: 'bytes',
  });
  const bomb = await coded(zeros, 'gzip');
  expect(bomb.byteLength).toBeLessThan(200_000);
  expect(await codedVerdict(byDefault, 'text/event-stream', 'gzip', bomb, 64 * 1024)).toBeNull();
  expect(warned).toHaveBeenCalledWith(expect.stringContaining('over 67108864 bytes'));
});
