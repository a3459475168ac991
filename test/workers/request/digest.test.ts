import { expect, test } from 'vitest';
import { base64Url, sha256, sha512 } from '../../../src/request/digest.ts';

const KIB = 1024;

async function expected(algorithm: string, parts: readonly (string | Uint8Array)[]): Promise<string> {
  const whole = await new Blob(
    parts.map((part) => (typeof part === 'string' ? part : part.slice())),
  ).arrayBuffer();
  return base64Url(new Uint8Array(await crypto.subtle.digest(algorithm, whole)));
}

test.each([
  ['nothing', []],
  ['text', ['héllo ', '€', '']],
  ['bytes between texts', ['a', new Uint8Array([0, 255, 1]), 'b']],
  ['as much as is laid end to end', [new Uint8Array(64 * KIB - 1).fill(7), 'x']],
  ['a byte more', [new Uint8Array(64 * KIB).fill(7), 'x']],
  ['a text that is larger', ['€'.repeat(30 * KIB), new Uint8Array([1])]],
  ['much more', ['head', new Uint8Array(3_000_000).fill(9), 'tail']],
])('SHA-256 of %s', async (_, parts) => {
  expect(await sha256(parts)).toBe(await expected('SHA-256', parts));
});

test('digests that are computed at the same time do not mix their input', async () => {
  const texts = Array.from({ length: 50 }, (_, n) => `${n}`.repeat(n * 20));
  const [short, long] = await Promise.all([
    Promise.all(texts.map((text) => sha256(text))),
    Promise.all(texts.map((text) => sha512(text))),
  ]);
  for (const [n, text] of texts.entries()) {
    expect(short[n]).toBe(await expected('SHA-256', [text]));
    expect(base64Url(long[n] ?? new Uint8Array(0))).toBe(await expected('SHA-512', [text]));
  }
});
