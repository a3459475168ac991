import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { deterministicKey, type KeyPart, randomKey, requestKey } from '../../../src/client/index.ts';

const bytes = (...values: number[]) => new Uint8Array(values);

test('randomKey gives 128 bits of text that any server takes, never twice', () => {
  const keys = Array.from({ length: 1_000 }, randomKey);
  expect(new Set(keys).size).toBe(1_000);
  for (const key of keys) expect(key).toMatch(/^[0-9a-f]{32}$/);
});

describe('deterministicKey', () => {
  test('stays what it was in earlier versions', async () => {
    expect(await deterministicKey('invoice', 'cus_1', 2026, 11)).toBe(
      '236c3a73212e97d4a29b542632b7165e0797ae595e8f401f040e5d12f098836f',
    );
    expect(await deterministicKey({ b: [1n, null], a: bytes(0, 255) }, true, -0, 'ü')).toBe(
      'd06fd4169dc754b6f31d2ea3dc4569dea3ba73ff559f349ed81e123da2ccb9e8',
    );
  });

  const pairs: [KeyPart[], KeyPart[]][] = [
    [
      ['a:b', 'c'],
      ['a', 'b:c'],
    ],
    [['ab'], ['a', 'b']],
    [['a,b'], ['a', 'b']],
    [['a","b'], ['a', 'b']],
    [['1'], [1]],
    [[1], [1n]],
    [['1n'], [1n]],
    [[0], [-0]],
    [['true'], [true]],
    [['null'], [null]],
    [[null], [false]],
    [[''], [[]]],
    [['a'], [['a']]],
    [['a', 'b'], [['a', 'b']]],
    [[[]], [{}]],
    [[bytes(97)], ['a']],
    [[bytes(97)], ['x"61"']],
    [[bytes()], ['']],
    [[{ a: 1 }], [{ a: '1' }]],
    [[{ a: 1 }], ['{"a":1}']],
    [[{ a: { b: 1 } }], [{ 'a.b': 1 }]],
    [['\ud800'], ['\ud801']],
    [['\ud800'], ['\ufffd']],
    [['é'], ['e\u0301']],
  ];
  test.each(
    pairs.map(([one, other]) => ({
      one,
      other,
      names: [one, other].map((each) => inspect(each)).join(' from '),
    })),
  )('tells $names', async ({ one, other }) => {
    expect(await deterministicKey(...one)).not.toBe(await deterministicKey(...other));
  });

  test('does not care in which order an object was written', async () => {
    expect(await deterministicKey({ a: 1, b: 2 })).toBe(await deterministicKey({ b: 2, a: 1 }));
  });

  const part = fc.letrec<{ part: KeyPart }>((tie) => ({
    part: fc.oneof(
      { maxDepth: 3 },
      fc.string({ unit: 'binary' }),
      // Text that looks like the encoding itself is the likeliest to collide.
      fc.string({ unit: fc.constantFrom('"', ',', ':', '[', ']', '{', '}', 'n', 'x', '1', '\\') }),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.integer({ min: -3, max: 3 }),
      fc.bigInt({ min: -3n, max: 3n }),
      fc.boolean(),
      fc.constant(null),
      fc.uint8Array({ maxLength: 4 }),
      fc.array(tie('part'), { maxLength: 3 }),
      fc.dictionary(fc.string({ maxLength: 2 }), tie('part'), { maxKeys: 3 }),
    ),
  })).part;
  const parts = fc.array(part, { minLength: 1, maxLength: 4 });

  test('gives no two different part lists one key', async () => {
    await fc.assert(
      fc.asyncProperty(parts, parts, async (one, other) => {
        const same = (await deterministicKey(...one)) === (await deterministicKey(...other));
        expect(same).toBe(isSame(one, other));
      }),
      { numRuns: 2_000 },
    );
  });

  test('gives the same parts the same key, and a small change another', async () => {
    await fc.assert(
      fc.asyncProperty(parts, part, async (list, extra) => {
        const key = await deterministicKey(...list);
        expect(await deterministicKey(...structuredClone(list))).toBe(key);
        expect(await deterministicKey(...list, extra)).not.toBe(key);
        expect(await deterministicKey(list)).not.toBe(key);
      }),
      { numRuns: 500 },
    );
  });

  test.each<[unknown[], RegExp]>([
    [[], /^parts: at least one/],
    [[undefined], /^parts\[0\]: undefined/],
    [[['a', { b: undefined }]], /^parts\[0\]\[1\]\.b: undefined/],
    [[Number.NaN], /^parts\[0\]: NaN/],
    [['a', Number.POSITIVE_INFINITY], /^parts\[1\]: Infinity/],
    [[new Date(0)], /^parts\[0\]: an object with a class/],
    [[new Map()], /^parts\[0\]: an object with a class/],
    [[Symbol('a')], /^parts\[0\]: symbol/],
    [[() => 1], /^parts\[0\]: function/],
    [[[undefined]], /^parts\[0\]\[0\]: undefined/],
    // biome-ignore lint/suspicious/noSparseArray: a hole is the case
    [[[, 1]], /^parts\[0\]\[0\]: undefined/],
  ])('refuses bad parts with a TypeError (%#)', async (list, message) => {
    await expect(deterministicKey(...(list as KeyPart[]))).rejects.toThrow(TypeError);
    await expect(deterministicKey(...(list as KeyPart[]))).rejects.toThrow(message);
  });

  test('refuses a cycle instead of running out of stack', async () => {
    const cycle: KeyPart[] = [];
    cycle.push(cycle);
    await expect(deterministicKey(cycle)).rejects.toThrow(/nested deeper/);
  });
});

/** Sameness of parts said in another way than the key says it: no text is made of them. */
function isSame(one: unknown, other: unknown): boolean {
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((each, index) => isSame(each, other[index]));
  }
  if (one instanceof Uint8Array || other instanceof Uint8Array) {
    if (!(one instanceof Uint8Array && other instanceof Uint8Array)) return false;
    return isSame([...one], [...other]);
  }
  if (isRecord(one) && isRecord(other)) {
    const names = Object.keys(one);
    return (
      names.length === Object.keys(other).length &&
      names.every((name) => Object.hasOwn(other, name) && isSame(one[name], other[name]))
    );
  }
  return Object.is(one, other);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

describe('requestKey', () => {
  const url = 'https://shop.example/orders?a=1';
  const order = (change: RequestInit & { url?: string } = {}) =>
    new Request(change.url ?? url, { method: 'POST', body: 'item=book', ...change });
  const form = (fields: [string, string | File][]) => {
    const body = new FormData();
    for (const [name, value] of fields) body.append(name, value);
    return new Request(url, { method: 'POST', body });
  };
  const file = (text: string, name = 'a.txt', type = 'text/plain') => new File([text], name, { type });

  test('is the same for the same request, and reads only a copy of it', async () => {
    const request = order();
    expect(await requestKey(request)).toBe(await requestKey(order()));
    expect(await requestKey(request)).toBe(await requestKey(request));
    expect(await request.text()).toBe('item=book');
  });

  test.each<[string, Request]>([
    ['method', order({ method: 'PUT' })],
    ['path', order({ url: 'https://shop.example/order?a=1' })],
    ['query', order({ url: 'https://shop.example/orders?a=2' })],
    ['host', order({ url: 'https://other.example/orders?a=1' })],
    ['body', order({ body: 'item=books' })],
    ['media type', order({ headers: { 'content-type': 'application/x-www-form-urlencoded' } })],
  ])('another %s gives another key', async (_name, other) => {
    expect(await requestKey(other)).not.toBe(await requestKey(order()));
  });

  test('a fragment and other headers are not part of it', async () => {
    expect(await requestKey(order({ url: `${url}#top` }))).toBe(await requestKey(order()));
    expect(
      await requestKey(order({ headers: { 'x-try': '2', 'content-type': 'text/plain;charset=UTF-8' } })),
    ).toBe(await requestKey(order()));
  });

  test('a multipart form submitted twice gives one key, though its boundary is another', async () => {
    const fields: [string, string | File][] = [
      ['item', 'book'],
      ['file', file('text')],
    ];
    const [one, two] = [form(fields), form(fields)];
    expect(one.headers.get('content-type')).not.toBe(two.headers.get('content-type'));
    expect(await requestKey(one)).toBe(await requestKey(two));
    expect((await one.formData()).get('item')).toBe('book');
  });

  test.each<[string, [string, string | File][]]>([
    ['value', [['item', 'books']]],
    ['name', [['items', 'book']]],
    [
      'count',
      [
        ['item', 'book'],
        ['item', 'book'],
      ],
    ],
    ['file in place of text', [['item', file('book')]]],
  ])('a multipart form with another %s gives another key', async (_name, fields) => {
    expect(await requestKey(form(fields))).not.toBe(await requestKey(form([['item', 'book']])));
  });

  test.each([file('b'), file('a', 'b.txt'), file('a', 'a.txt', 'text/html')])(
    'a file’s content, name and type count (%#)',
    async (other) => {
      expect(await requestKey(form([['f', other]]))).not.toBe(await requestKey(form([['f', file('a')]])));
    },
  );

  test('refuses a request whose body is gone', async () => {
    const request = order();
    await request.text();
    await expect(requestKey(request)).rejects.toThrow(/^request: /);
  });
});
