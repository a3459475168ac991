import { expect, test } from 'vitest';
import { jsonAt } from '../../../src/request/json-at.ts';

const MAX_CHARACTERS = 255;

/**
 * What a body of the largest size by default may cost in time: many times what it does, on a machine with
 * other things to do.
 */
const BOUND_MS = 20_000;
const MIB = 1024 * 1024;

test.each<[string, () => string]>([
  ['one string', () => `"${'x'.repeat(10 * MIB)}"`],
  ['small objects', () => `[${'{},'.repeat(3 * MIB)}{}]`],
  ['members of one name', () => `{${'"id":1,'.repeat(MIB)}"id":1}`],
  ['names of one letter', () => `{${'"i":1,'.repeat(MIB)}"i":1}`],
  ['long names', () => `{${`"${'i'.repeat(2_000)}":1,`.repeat(5_000)}"i":1}`],
  ['escapes', () => `{"${'\\u0069'.repeat(1_700_000)}":1}`],
  ['one number', () => `[${'1'.repeat(10 * MIB)}]`],
  ['white space', () => ' '.repeat(10 * MIB)],
  ['open brackets', () => '['.repeat(10 * MIB)],
  ['open objects', () => '{"id":'.repeat(1_700_000)],
])('10 MiB of %s take bounded time', (_, make) => {
  const bytes = new TextEncoder().encode(make());
  const pieces: Uint8Array[] = [];
  for (let from = 0; from < bytes.length; from += 256 * 1024)
    pieces.push(bytes.subarray(from, from + 256 * 1024));
  const startedAt = performance.now();
  jsonAt(pieces, [['id'], ['id', 'id', 'id'], ['0', 'id']], MAX_CHARACTERS);
  expect(performance.now() - startedAt).toBeLessThan(BOUND_MS);
});
