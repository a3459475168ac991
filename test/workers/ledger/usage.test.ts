import { expect, test } from 'vitest';
import { CallerUsage } from '../../../src/ledger/usage.ts';

const limits = { maxRunningPerCaller: 10, maxStoredBytesPerCaller: 1_000_000 };

test('a client that invents a caller for each request is held to the limit of one', () => {
  const usage = new CallerUsage();
  let admitted = 0;
  for (let n = 0; n < 100; n += 1) {
    if (usage.overLimit(`caller ${n}`, limits, 'address') !== null) continue;
    usage.began(`caller ${n}`, 'address');
    admitted += 1;
  }
  expect(admitted).toBe(10);
  expect(usage.overLimit('another', limits, 'another address')).toBeNull();
  for (let n = 0; n < 10; n += 1) usage.ended(`caller ${n}`, 'address');
  expect(usage.overLimit('caller 1', limits, 'address')).toBeNull();
  expect(usage.remembered).toBe(0);
});

test('a caller is held to its limit wherever it comes from', () => {
  const usage = new CallerUsage();
  for (let n = 0; n < 10; n += 1) usage.began('caller', `address ${n}`);
  expect(usage.overLimit('caller', limits, 'address 10')).toBe('too-many-running');
  expect(usage.overLimit('another', limits, 'address 1')).toBeNull();
});

test('what invented callers have stored counts at their address, and goes when it is removed', () => {
  const usage = new CallerUsage();
  for (let n = 0; n < 4; n += 1) {
    usage.began(`caller ${n}`, 'address');
    usage.stored(`caller ${n}`, 300_000);
    usage.ended(`caller ${n}`, 'address');
  }
  expect(usage.overLimit('caller 5', limits, 'address')).toBe('too-much-stored');
  expect(usage.overLimit('caller 5', limits, 'elsewhere')).toBeNull();
  usage.removed('caller 0', 300_000, Date.now());
  expect(usage.overLimit('caller 5', limits, 'address')).toBeNull();
});

test('what a caller has stored counts where it was last seen', () => {
  const usage = new CallerUsage();
  usage.began('caller', 'here');
  usage.stored('caller', 2_000_000);
  expect(usage.overLimit('another', limits, 'here')).toBe('too-much-stored');
  usage.ended('caller', 'here');
  usage.began('caller', 'there');
  expect(usage.overLimit('another', limits, 'here')).toBeNull();
  expect(usage.overLimit('another', limits, 'there')).toBe('too-much-stored');
});

test('no more callers are remembered than there is memory for, and who runs something is never forgotten', () => {
  const usage = new CallerUsage();
  for (let n = 0; n < 10; n += 1) usage.began('busy', 'address');
  for (let n = 0; n < 60_000; n += 1) {
    usage.began(`caller ${n}`, `address ${n}`);
    usage.stored(`caller ${n}`, 1);
    usage.ended(`caller ${n}`, `address ${n}`);
  }
  expect(usage.remembered).toBeLessThanOrEqual(40_002);
  expect(usage.overLimit('busy', limits, null)).toBe('too-many-running');
  expect(usage.overLimit('another', limits, 'address')).toBe('too-many-running');
});
