import { afterEach, expect, test, vi } from 'vitest';
import { ByteBudget } from '../../src/budget.ts';

const MIB = 1024 * 1024;

afterEach(() => {
  vi.useRealTimers();
});

test('what is over the budget is refused, and takes nothing', () => {
  const budget = new ByteBudget(4 * MIB);
  const [one, other] = [budget.hold(), budget.hold()];
  expect(one.grow(3 * MIB)).toBe(true);
  expect(other.grow(2 * MIB)).toBe(false);
  expect(budget.heldBytes).toBe(3 * MIB);
  one.release();
  expect(other.grow(2 * MIB)).toBe(true);
  other.shrink(MIB);
  expect(budget.heldBytes).toBe(MIB);
  other.release();
  expect(budget.heldBytes).toBe(0);
});

test('a large body that is the only one may be larger than the budget', () => {
  const budget = new ByteBudget(MIB);
  const [large, small] = [budget.hold(), budget.hold()];
  expect(small.grow(1000)).toBe(true);
  expect(large.grow(MIB)).toBe(true);
  expect(large.grow(7 * MIB)).toBe(true);
  expect(budget.hold().grow(MIB)).toBe(false);
});

test('large bodies do not keep small ones out, and small ones have a bound', () => {
  const budget = new ByteBudget(MIB);
  budget.hold().grow(MIB);
  let admitted = 0;
  while (budget.hold().grow(64 * 1024)) admitted += 1;
  expect(admitted).toBe((8 * MIB) / (64 * 1024));
});

test('a body that grows large is counted as one', () => {
  const budget = new ByteBudget(MIB);
  const [one, other] = [budget.hold(), budget.hold()];
  for (let n = 0; n < 10; n += 1) expect(one.grow(64 * 1024)).toBe(true);
  expect(other.grow(64 * 1024)).toBe(true);
  expect(other.grow(512 * 1024)).toBe(false);
});

test('what a request has left behind whose end nobody was told counts no more after a while', () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  const budget = new ByteBudget(MIB, null, 60_000);
  const [left, live] = [budget.hold(), budget.hold()];
  left.grow(MIB / 2);
  vi.advanceTimersByTime(40_000);
  live.grow(MIB / 4);
  expect(budget.hold().grow(MIB / 2)).toBe(false);
  vi.advanceTimersByTime(40_000);
  expect(budget.hold().grow(MIB / 2)).toBe(true);
  expect(live.bytes).toBe(MIB / 4);
  expect(left.bytes).toBe(0);
});
