import type { Random } from '../chaos/random.ts';

/**
 * A request as bytes, and whether its framing was bent, so that the runtime and not the gateway may answer
 * it.
 */
export interface FuzzedRequest {
  readonly bytes: Buffer;
  readonly wellFramed: boolean;
  /** Stands in the path, so that the origin can say whether it came through. */
  readonly id: string;
}

const METHODS = [
  'POST',
  'PATCH',
  'PUT',
  'DELETE',
  'GET',
  'HEAD',
  'OPTIONS',
  'BREW',
  'post',
  'TRACE',
] as const;
const ROUTES = [
  '/',
  '/refuse/',
  '/derived/',
  '/optional/',
  '/json/',
  '/small/',
  '/_oncegate/',
  '/body/',
  '/body-optional/',
  '/body-json/',
] as const;

const KEYS: readonly [Making, ...Making[]] = [
  (random) => token(random, random.integer(1, 40)),
  (random) => `"${token(random, random.integer(0, 40))}"`,
  (random) => token(random, random.pick([254, 255, 256, 5_000])),
  () => '',
  () => '   ',
  () => '"',
  () => '"a\\"b"',
  () => '"a\\qb"',
  () => '"unfinished',
  () => '"a";param=1',
  () => '"a", "b"',
  () => 'a, b',
  () => 'a,b',
  () => ':YWJj:',
  () => '?1',
  () => 'ä',
  () => '\u00ff\u0080',
  () => 'with space',
  () => 'tab\there',
  (random) => latin(random, random.integer(1, 60)),
];

/** What may stand where a key is looked for in JSON. */
function bodyKey(random: Random): string {
  return random.pick<Making>([
    (chosen) => `"${token(chosen, chosen.integer(1, 20))}"`,
    (chosen) => `"${token(chosen, chosen.pick([255, 256, 5_000]))}"`,
    (chosen) => `${chosen.integer(-1_000_000, 1_000_000)}`,
    (chosen) => '9'.repeat(chosen.pick([16, 255, 256, 10_000])),
    () => '"\\u0000"',
    () => '"\\ud800"',
    () => '"é"',
    () => '""',
    () => '" "',
    () => '"undefined"',
    () => '1e5',
    () => '-0',
    () => 'null',
    () => '[]',
    () => '{}',
    () => 'tru',
  ])(random);
}

type Making = (random: Random) => string;

const HEADERS: readonly [Making, ...Making[]] = [
  (random) => `Prefer: wait=${random.pick(['0', '1', '-1', '1e9', 'x', '"0"', '99999999999999999999'])}`,
  (random) => `Authorization: ${latin(random, random.integer(0, 80))}`,
  (random) => `Cookie: ${latin(random, random.integer(0, 80))}`,
  () => 'Cookie: session=a; session=b; =; ;;',
  (random) => `Connection: ${random.pick(['close, idempotency-key', 'close, x-a', 'close, ,,', 'upgrade'])}`,
  () => 'Upgrade: websocket',
  () => 'Upgrade: h2c',
  () => 'Expect: 100-continue',
  () => 'TE: trailers',
  (random) => `X-${token(random, 10)}: ${latin(random, random.integer(0, 200))}`,
  (random) => `Via: ${latin(random, 20)}`,
  () => 'Content-Encoding: gzip',
  () => 'Accept-Encoding: gzip, br',
  () => 'Range: bytes=0-1',
  () => 'If-None-Match: *',
];

const TYPES: readonly [Making, ...Making[]] = [
  () => 'application/json',
  () => 'application/json; charset=utf-8',
  () => 'text/plain',
  () => 'multipart/form-data; boundary=b',
  () => 'multipart/form-data; boundary=""',
  () => 'multipart/form-data',
  () => 'multipart/form-data; boundary=--',
  () => 'multipart/mixed; boundary="with space"',
  (random) => `multipart/form-data; boundary=${latin(random, 20)}`,
  (random) => latin(random, random.integer(0, 40)),
  () => ';;;',
  () => 'a/b; c=d; c=e',
];

const BODIES: readonly [(random: Random) => Buffer, ...((random: Random) => Buffer)[]] = [
  () => Buffer.alloc(0),
  (random) => Buffer.from(`{"b":${random.integer(0, 9)},"a":[1,2,{"c":null}]}`),
  () => Buffer.from('{"a":1,"a":2}'),
  () => Buffer.from('{"a":'),
  (random) => Buffer.from(`{"id":${bodyKey(random)},"b":${bodyKey(random)}}`),
  (random) => Buffer.from(`{"a":[{"c":${bodyKey(random)}}],"id":null}`),
  (random) => Buffer.from(`{"id":${bodyKey(random)},"id":${bodyKey(random)}}`),
  (random) => mutated(random, Buffer.from(`{"b":[1,{"id":2}],"id":${bodyKey(random)}}`)),
  (random) => Buffer.from(`\ufeff{"\\u0069d":${bodyKey(random)}}`),
  (random) => Buffer.from(`{"id":${bodyKey(random)}}`, 'utf16le'),
  (random) =>
    Buffer.from(`{"id":${bodyKey(random)},"b":"${latin(random, 20).replace(/["\\]/g, '')}"}`, 'latin1'),
  () => Buffer.from(`${'{"id":'.repeat(20_000)}1${'}'.repeat(20_000)}`),
  () => Buffer.from('1e999'),
  () => Buffer.from('9007199254740993'),
  () => Buffer.from('"\\ud800"'),
  () => Buffer.from(`${'['.repeat(20_000)}${']'.repeat(20_000)}`),
  () => Buffer.from('--b\r\ncontent-disposition: form-data; name="a"\r\n\r\n1\r\n--b--\r\n'),
  () => Buffer.from('--b--b--b\r\n--b'),
  () => Buffer.from('\r\n--b'),
  (random) => Buffer.from(Array.from({ length: random.integer(0, 300) }, () => random.integer(0, 255))),
  (random) => Buffer.alloc(random.pick([1_023, 1_024, 1_025, 70_000]), 'x'),
];

/** One request, with something wrong in it more often than not. The same choices make the same request. */
export function fuzzedRequest(random: Random, id: string): FuzzedRequest {
  const method = random.pick(METHODS);
  const path = `${random.pick(ROUTES)}${id}${pathEnding(random)}`;
  const body = random.pick(BODIES)(random);
  const headers = ['Host: gateway.example'];
  for (
    let n = random.weighted([
      [2, 0],
      [12, 1],
      [2, 2],
    ]);
    n > 0;
    n -= 1
  ) {
    headers.push(`Idempotency-Key: ${random.pick(KEYS)(random)}`);
  }
  if (random.chance(0.7)) headers.push(`Content-Type: ${random.pick(TYPES)(random)}`);
  for (let n = random.integer(0, 4); n > 0; n -= 1) headers.push(random.pick(HEADERS)(random));
  if (!headers.some((header) => header.startsWith('Connection:'))) headers.push('Connection: close');
  const framing = framed(random, body);
  const head = [`${method} ${path} HTTP/1.1`, ...headers, ...framing.headers].join('\r\n');
  let bytes: Buffer = Buffer.concat([Buffer.from(`${head}\r\n\r\n`, 'latin1'), framing.body]);
  let { wellFramed } = framing;
  if (random.chance(0.08)) {
    bytes = mutated(random, bytes);
    wellFramed = false;
  }
  return { bytes, wellFramed, id };
}

function pathEnding(random: Random): string {
  return random.pick([
    '',
    '?a=b',
    '?k=a',
    '?k=a&k=b',
    '?k=%ff',
    '?k=',
    '?%6b=a%20b',
    '?',
    '?%',
    '/%00',
    '/%2e%2e/%2e%2e/x',
    '/../../x',
    '//evil.example/',
    '/%ff',
    '/@evil.example',
    '/\\evil.example',
    `/${'a'.repeat(3_000)}`,
  ]);
}

interface Framing {
  readonly headers: readonly string[];
  readonly body: Buffer;
  readonly wellFramed: boolean;
}

function framed(random: Random, body: Buffer): Framing {
  const length = `Content-Length: ${body.length}`;
  const chunked = 'Transfer-Encoding: chunked';
  return random.weighted<Framing>([
    [10, { headers: [length], body, wellFramed: true }],
    [6, { headers: [chunked], body: inChunks(random, body, false), wellFramed: true }],
    // Right by the standard; workerd's own parser takes no extension.
    [1, { headers: [chunked], body: inChunks(random, body, true), wellFramed: false }],
    [1, { headers: [`Content-Length: ${body.length + 5}`], body, wellFramed: false }],
    [1, { headers: ['Content-Length: -1'], body, wellFramed: false }],
    [1, { headers: ['Content-Length: 1', 'Content-Length: 2'], body, wellFramed: false }],
    [1, { headers: [length, chunked], body: inChunks(random, body, false), wellFramed: false }],
    [
      1,
      {
        headers: ['Transfer-Encoding: gzip, chunked'],
        body: inChunks(random, body, false),
        wellFramed: false,
      },
    ],
    [1, { headers: [chunked], body: Buffer.from('zz\r\nbroken\r\n0\r\n\r\n'), wellFramed: false }],
    [1, { headers: [chunked], body: Buffer.from('fffffffffffffffff\r\nx\r\n'), wellFramed: false }],
    [1, { headers: [chunked], body: Buffer.from('3\r\nabc'), wellFramed: false }],
  ]);
}

function inChunks(random: Random, body: Buffer, extended: boolean): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < body.length; ) {
    const size = Math.min(random.integer(1, 1 + body.length), body.length - at);
    const extension = extended ? ';name=value' : '';
    parts.push(Buffer.from(`${size.toString(16)}${extension}\r\n`), body.subarray(at, at + size), CRLF);
    at += size;
  }
  return Buffer.concat([...parts, Buffer.from(extended ? '0\r\nx-trailer: 1\r\n\r\n' : '0\r\n\r\n')]);
}

const CRLF = Buffer.from('\r\n');

/** Some bytes of it changed, removed or doubled. */
function mutated(random: Random, bytes: Buffer): Buffer {
  const changed = Buffer.from(bytes);
  for (let n = random.integer(1, 4); n > 0; n -= 1) {
    changed[random.integer(0, changed.length - 1)] = random.integer(0, 255);
  }
  const at = random.integer(0, changed.length - 1);
  return random.pick([changed, changed.subarray(0, at), Buffer.concat([changed.subarray(0, at), changed])]);
}

function token(random: Random, length: number): string {
  return Array.from({ length }, () => String.fromCharCode(random.integer(0x61, 0x7a))).join('');
}

/** Any Latin-1 characters but those that end a line. */
function latin(random: Random, length: number): string {
  return Array.from({ length }, () => String.fromCharCode(random.integer(0x20, 0xff))).join('');
}
