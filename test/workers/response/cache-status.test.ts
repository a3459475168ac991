import { parseList, Token } from 'structured-headers';
import { expect, test } from 'vitest';
import { cacheStatus, type Handling } from '../../../src/response/cache-status.ts';

const miss = ['fwd', new Token('miss')] as const;

test.each<[Handling, string, readonly (readonly [string, unknown])[]]>([
  [{ kind: 'executed', recording: 'stored' }, 'oncegate; fwd=miss; stored', [miss, ['stored', true]]],
  [
    { kind: 'executed', recording: 'failed' },
    'oncegate; fwd=miss; detail=failed',
    [miss, ['detail', new Token('failed')]],
  ],
  [{ kind: 'joined', recording: 'stored' }, 'oncegate; fwd=miss; collapsed', [miss, ['collapsed', true]]],
  [
    { kind: 'joined', recording: 'not-recorded' },
    'oncegate; fwd=miss; collapsed; detail=not-recorded',
    [miss, ['collapsed', true], ['detail', new Token('not-recorded')]],
  ],
  [
    { kind: 'replayed', expiresAt: 0 },
    'oncegate; hit; ttl=0',
    [
      ['hit', true],
      ['ttl', 0],
    ],
  ],
  [{ kind: 'bypass' }, 'oncegate; fwd=bypass', [['fwd', new Token('bypass')]]],
  [
    { kind: 'refused', reason: 'key-reused' },
    'oncegate; detail=key-reused',
    [['detail', new Token('key-reused')]],
  ],
])('%j is said in a structured field that reads back as it was meant', (handling, text, parameters) => {
  expect(cacheStatus(handling)).toBe(text);
  expect(parseList(cacheStatus(handling))).toEqual([[new Token('oncegate'), new Map(parameters)]]);
});

test('what no structured field can hold is never written into one', () => {
  expect(() => cacheStatus({ kind: 'refused', reason: 'a, hit' })).toThrow();
});

test('the time to live counts down in whole seconds', () => {
  const [, seconds] =
    /^oncegate; hit; ttl=(\d+)$/.exec(cacheStatus({ kind: 'replayed', expiresAt: Date.now() + 60_500 })) ??
    [];
  expect([59, 60]).toContain(Number(seconds));
});
