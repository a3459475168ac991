import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalJson } from '../../../src/request/json.ts';
import { type FoundAt, jsonAt, PlacesInJson } from '../../../src/request/json-at.ts';

const encoder = new TextEncoder();
const MAX_CHARACTERS = 255;

/** What the text holds at a pointer, cut into pieces of so many bytes. */
function at(text: string | Uint8Array, pointer: readonly string[], pieceBytes = 1_000): FoundAt {
  const bytes = typeof text === 'string' ? encoder.encode(text) : text;
  const pieces: Uint8Array[] = [];
  for (let from = 0; from < bytes.length; from += pieceBytes)
    pieces.push(bytes.subarray(from, from + pieceBytes));
  const [found] = jsonAt(pieces, [pointer], MAX_CHARACTERS);
  if (found === undefined) throw new Error('nothing was said');
  return found;
}

const ABSENT = { kind: 'absent' };
const text = (value: string) => ({ kind: 'text', text: value });

test.each<[string, string[], string]>([
  ['{"id":"evt_1"}', ['id'], 'evt_1'],
  [' {"a" : 1 , "id"\n:\t"evt_1" } \r\n', ['id'], 'evt_1'],
  ['\ufeff{"id":"evt_1"}', ['id'], 'evt_1'],
  ['{"a":{"id":"no"},"b":[{"id":"no"}],"id":"yes"}', ['id'], 'yes'],
  ['{"a":{"b":[null,{"c":"yes"}]}}', ['a', 'b', '1', 'c'], 'yes'],
  ['[["no"],"yes"]', ['1'], 'yes'],
  ['{"a":{"0":"yes"}}', ['a', '0'], 'yes'],
  ['{"a/b":{"m~n":"yes"}}', ['a/b', 'm~n'], 'yes'],
  ['{"":"yes"}', [''], 'yes'],
  ['{"\\u0069\\u0064":"yes"}', ['id'], 'yes'],
  ['{"ключ":"yes"}', ['ключ'], 'yes'],
  ['{"\\u043a":"yes"}', ['к'], 'yes'],
  ['{"id":"a\\"b\\\\c\\u0041\\/"}', ['id'], 'a"b\\cA/'],
  ['{"id":""}', ['id'], ''],
  ['{"id":0}', ['id'], '0'],
  ['{"id":-12}', ['id'], '-12'],
  ['{"id":9007199254740993}', ['id'], '9007199254740993'],
  [`{"id":${'9'.repeat(255)}}`, ['id'], '9'.repeat(255)],
  [`{"id":"${'\\u0061'.repeat(255)}"}`, ['id'], 'a'.repeat(255)],
])('%j has at %j the text %j', (json, pointer, expected) => {
  for (const pieceBytes of [1_000, 7, 3, 2, 1].filter((bytes) => bytes > 2 || !json.startsWith('\ufeff')))
    expect(at(json, pointer, pieceBytes)).toEqual(text(expected));
});

test.each<[string, string[]]>([
  ['{"id":null}', ['id']],
  ['{"id":true}', ['id']],
  ['{"id":1.0}', ['id']],
  [`{"id":1.${'0'.repeat(10_000)}}`, ['id']],
  ['{"id":1e3}', ['id']],
  ['{"id":["a"]}', ['id']],
  ['{"id":{"id":"a"}}', ['id']],
  ['{"ID":"a"}', ['id']],
  ['"a"', ['id']],
  ['5', ['0']],
  ['[]', ['0']],
  ['["a"]', ['00']],
  ['["a"]', ['-']],
  ['["a"]', ['1']],
  ['{"a":"b"}', ['a', 'b']],
  ['{"b":{"b":"x"},"a":[]}', ['a', 'b']],
])('%j has nothing at %j that could be a key', (json, pointer) => {
  for (const pieceBytes of [1_000, 1]) expect(at(json, pointer, pieceBytes)).toEqual(ABSENT);
});

test.each([
  '',
  ' ',
  '{"id":"a"',
  '{"id":"a"}}',
  '{"id":"a"} x',
  '{"id":"a"}{"id":"b"}',
  '{"id":"a",}',
  '{,"id":"a"}',
  '{"id":"a" "b":1}',
  '{"id"="a"}',
  "{'id':'a'}",
  '{id:"a"}',
  '{"id":"a"/* why */}',
  '{"id":"a","b":NaN}',
  '{"id":"a","b":01}',
  '{"id":"a","b":+1}',
  '{"id":"a","b":1.}',
  '{"id":"a","b":.5}',
  '{"id":"a","b":1e}',
  '{"id":"a","b":-}',
  '{"id":"a","b":tru}',
  '{"id":"a","b":trux}',
  '{"id":"a","b":[1,]}',
  '{"id":"a","b":[1 2]}',
  '{"id":"a","b":[1}',
  '{"id":"a","b":"\\x"}',
  '{"id":"a","b":"\\u00g0"}',
  '{"id":"a","b":"line\nfeed"}',
  '{"id":"a","b":"nul\u0000"}',
  '\ufeff\ufeff{"id":"a"}',
  'id=a&b={"id":"a"}',
  '--b\r\n\r\n{"id":"a"}',
])('%j is no JSON, so there is nothing in it', (json) => {
  for (const pieceBytes of [1_000, 1, 3]) expect(at(json, ['id'], pieceBytes)).toEqual(ABSENT);
});

test.each<[string, string[]]>([
  ['{"id":"a","id":"b"}', ['id']],
  ['{"id":"a","id":"a"}', ['id']],
  ['{"id":"a","\\u0069d":"b"}', ['id']],
  ['{"id":"a","id":null}', ['id']],
  ['{"id":{},"id":"a"}', ['id']],
  ['{"a":{"id":"a"},"a":{"id":"b"}}', ['a', 'id']],
  ['{"a":{},"a":{"id":"b"}}', ['a', 'id']],
  ['[{"id":"a","id":"b"}]', ['0', 'id']],
])('of %j readers may take one thing or the other', (json, pointer) => {
  expect(at(json, pointer)).toEqual({ kind: 'doubled' });
});

test.each<[string, string[]]>([
  ['[{"id":"no"},{"id":"a"},{"id":"no"}]', ['1', 'id']],
  ['{"x":1,"x":2,"id":"a"}', ['id']],
  ['{"b":{"id":"no","id":"no"},"id":"a"}', ['id']],
])('in %j nothing on the way stands twice', (json, pointer) => {
  expect(at(json, pointer)).toEqual(text('a'));
});

test('all pointers are followed at once', () => {
  const json = encoder.encode('{"a":{"id":"1"},"id":"2","b":[{"id":3}]}');
  const pointers = [['id'], ['b', '0', 'id'], ['a', 'id'], ['c']];
  expect(jsonAt([json], pointers, MAX_CHARACTERS)).toEqual([text('2'), text('3'), text('1'), ABSENT]);
});

test.each([
  ['a string', `{"id":"${'x'.repeat(256)}"}`],
  ['a string of a megabyte', `{"id":"${'x'.repeat(1024 * 1024)}"}`],
  ['a number', `{"id":1${'0'.repeat(256)}}`],
  ['a number of a megabyte', `{"id":1${'0'.repeat(1024 * 1024)}}`],
])('%s that is too long is told as that', (_, json) => {
  expect(at(json, ['id'], 256 * 1024)).toEqual({ kind: 'too-long' });
});

test('other encodings than UTF-8 hold no key, and bytes of Latin-1 elsewhere hide none', () => {
  const utf16 = new Uint8Array([...'{"id":"a"}'].flatMap((character) => [character.charCodeAt(0), 0]));
  expect(at(utf16, ['id'])).toEqual(ABSENT);
  const latin = new Uint8Array([...'{"n":"caf\u00e9","id":"a"}'].map((character) => character.charCodeAt(0)));
  expect(at(latin, ['id'])).toEqual(text('a'));
});

const TOKENS = ['id', 'a', '0', '1', ''];
/** Values in which the tokens are likely to lead somewhere. */
const { value: values } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'medium' },
    fc.oneof(
      fc.string({ unit: 'binary', maxLength: 5 }),
      fc.integer(),
      fc.double(),
      fc.constantFrom(null, true, 'x'),
    ),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...TOKENS), tie('value'), { maxKeys: 4 }),
  ),
}));

function inValue(value: unknown, pointer: readonly string[]): unknown {
  let here = value;
  for (const token of pointer) {
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, token)) return undefined;
    if (Array.isArray(here) && !/^\d+$/.test(token)) return undefined;
    here = Reflect.get(here, token);
  }
  return here;
}

describe('it says of any text what JSON.parse says', () => {
  const pointers = fc.array(fc.constantFrom(...TOKENS), { minLength: 1, maxLength: 3 });

  test('where that takes the text', () => {
    fc.assert(
      fc.property(
        values,
        pointers,
        fc.integer({ min: 1, max: 9 }),
        fc.constantFrom(0, 1),
        (value, pointer, piece, indent) => {
          const json = JSON.stringify(value, null, indent);
          const there = inValue(JSON.parse(json), pointer);
          const spelt = JSON.stringify(there) ?? '';
          const isKey = typeof there === 'string' || /^-?\d+$/.test(spelt);
          // A lone surrogate is escaped by JSON.stringify, and stays what it is.
          expect(at(json, pointer, piece)).toEqual(
            isKey ? text(String(typeof there === 'string' ? there : spelt)) : ABSENT,
          );
        },
      ),
      { numRuns: 2_000 },
    );
  });

  test('where it may not', () => {
    fc.assert(
      fc.property(
        values,
        fc.nat(),
        fc.constantFrom(...'{}[],:"\\0-.e1ntu \u0001'),
        fc.boolean(),
        (value, n, put, instead) => {
          const json = JSON.stringify({ id: 'x', value });
          const where = n % (json.length + 1);
          const bent = json.slice(0, where) + put + json.slice(instead ? where + 1 : where);
          let parsed: unknown;
          try {
            parsed = JSON.parse(bent);
          } catch {
            expect(at(bent, ['id'], 3)).toEqual(ABSENT);
            return;
          }
          const there = inValue(parsed, ['id']);
          const found = at(bent, ['id'], 3);
          if (found.kind === 'text') expect(found.text).toBe(String(there));
          else expect(['absent', 'doubled']).toContain(found.kind);
        },
      ),
      { numRuns: 5_000 },
    );
  });
});

describe('who puts a text into one spelling says the same of what is in it', () => {
  const pointers = fc.array(fc.array(fc.constantFrom(...TOKENS), { minLength: 1, maxLength: 3 }), {
    minLength: 1,
    maxLength: 3,
  });
  const lately = (json: string, at: readonly string[][]) => {
    const places = new PlacesInJson(at, MAX_CHARACTERS);
    return canonicalJson(json, places) === null ? null : places.found();
  };

  test('of whatever it takes for JSON', () => {
    let read = 0;
    fc.assert(
      fc.property(
        values,
        pointers,
        fc.nat(),
        fc.constantFrom('', ...'{}[],:"\\0-.e1ntu \u0001', '"id":1,', '"id":"a",'),
        (value, at, n, put) => {
          const json = JSON.stringify({ id: 'x', a: value });
          const where = n % (json.length + 1);
          // Half a character is no UTF-8.
          const bent = (json.slice(0, where) + put + json.slice(where)).toWellFormed();
          const found = lately(bent, at);
          if (found === null) return;
          read += 1;
          expect(found).toEqual(jsonAt([encoder.encode(bent)], at, MAX_CHARACTERS));
        },
      ),
      { numRuns: 5_000 },
    );
    expect(read).toBeGreaterThan(500);
  });

  test.each<[string, string]>([
    ['a string that is too long', `{"id":"${'x'.repeat(256)}"}`],
    ['a string of a megabyte', `{"id":"${'x'.repeat(1024 * 1024)}"}`],
    ['an integer that is too long', `{"id":1${'0'.repeat(10_000)}}`],
    ['a number that is long and no integer', `{"id":1.${'0'.repeat(10_000)}}`],
    ['long names, and one that stands twice', `{"${'i'.repeat(10_000)}":1,"id":{},"\\u0069d":"a"}`],
    ['a zero below zero', '{"id":-0}'],
    ['half a character', '{"id":"\\ud800"}'],
    ['the last of many items', `[${'0,'.repeat(100_000)}{"id":1}]`],
  ])('of %s', (_, json) => {
    const at = [['id'], ['a', 'id'], ['100000', 'id']];
    expect(lately(json, at)).toEqual(jsonAt([encoder.encode(json)], at, MAX_CHARACTERS));
  });
});

test('what is nested ten thousand deep is read, and deeper it is taken for no JSON', () => {
  const nested = (depth: number) => `{"id":"a","b":${'['.repeat(depth)}${']'.repeat(depth)}}`;
  expect(at(nested(9_000), ['id'], 256 * 1024)).toEqual(text('a'));
  expect(at(nested(11_000), ['id'], 256 * 1024)).toEqual(ABSENT);
});
