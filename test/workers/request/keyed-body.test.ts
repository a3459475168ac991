import { expect, test, vi } from 'vitest';
import { BodyBytes } from '../../../src/body-bytes.ts';
import type { KeyFrom } from '../../../src/key-from.ts';
import { fingerprintOf } from '../../../src/request/fingerprint.ts';
import { readKeyedBody } from '../../../src/request/keyed-body.ts';

const KEY_FROM: KeyFrom = [{ in: 'json', pointer: ['id'], text: '/id' }];
const JSON_TYPE = 'application/json';

function bodyOf(text: string): BodyBytes {
  return BodyBytes.of(new TextEncoder().encode(text));
}

const INPUT = {
  scope: '[]',
  sentKey: 'key',
  bound: null,
  host: null,
  method: 'POST',
  path: '/',
  query: '',
  contentType: JSON_TYPE,
  asked: '',
};

test('a JSON body is read once, for its key and for its fingerprint', async () => {
  const body = bodyOf('{"b":1, "id":"evt_1"}');
  const reads = [vi.spyOn(body, 'whole'), vi.spyOn(body, 'segments', 'get')];
  const { found, spelling } = readKeyedBody(body, JSON_TYPE, { keyFrom: KEY_FROM, fingerprint: 'json' });
  const fingerprint = await fingerprintOf({ ...INPUT, body, spelling }, 'json');
  expect(reads.reduce((sum, read) => sum + read.mock.calls.length, 0)).toBe(1);
  expect(found).toEqual([{ kind: 'text', text: 'evt_1' }]);
  expect(fingerprint).toBe(await fingerprintOf({ ...INPUT, body: bodyOf('{"id":"evt_1","b":1}') }, 'json'));
});

test.each([
  ['bytes', JSON_TYPE, '{"id":"a"}', undefined],
  ['none', JSON_TYPE, '{"id":"a"}', undefined],
  ['json', 'text/plain', '{"id":"a"}', null],
  ['json', null, '{"id":"a"}', null],
  ['json', JSON_TYPE, `{"id":"a","deep":${'['.repeat(300)}${']'.repeat(300)}}`, null],
  ['json', JSON_TYPE, `{"id":"a","large":"${'x'.repeat(1024 * 1024)}"}`, null],
] as const)(
  'with the fingerprint `%s`, a body of the type %s is looked into for its key, whether or not it has one spelling',
  (fingerprint, contentType, text, spelling) => {
    const read = readKeyedBody(bodyOf(text), contentType, { keyFrom: KEY_FROM, fingerprint });
    expect(read).toEqual({ found: [{ kind: 'text', text: 'a' }], spelling });
  },
);

test('a text that is no JSON has no key, whoever reads it', () => {
  for (const fingerprint of ['bytes', 'json', 'none'] as const) {
    const { found } = readKeyedBody(bodyOf('{"id":"a"'), JSON_TYPE, { keyFrom: KEY_FROM, fingerprint });
    expect(found).toEqual([{ kind: 'absent' }]);
  }
});
