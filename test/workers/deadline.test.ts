import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { inTime, settlesWithin } from '../../src/deadline.ts';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

const never = new Promise<never>(() => {});

test('a promise that never settles is waited for no longer than was said', async () => {
  const settled = settlesWithin(never, 1_000);
  const value = expect(inTime(never, 2_000, 'reading')).rejects.toThrow('reading took longer than 2 s');
  await vi.advanceTimersByTimeAsync(2_000);
  expect(await settled).toBe(false);
  await value;
});

test('a promise that settles in time leaves no timer behind', async () => {
  expect(await settlesWithin(Promise.resolve(), 1_000)).toBe(true);
  expect(await inTime(Promise.resolve('value'), 1_000, 'reading')).toBe('value');
  expect(vi.getTimerCount()).toBe(0);
});

test('a promise that rejects in time rejects so', async () => {
  await expect(inTime(Promise.reject(new Error('broken')), 1_000, 'reading')).rejects.toThrow('broken');
  expect(vi.getTimerCount()).toBe(0);
});

test('a promise that rejects when nobody waits for it any more is nobody’s unhandled rejection', async () => {
  const unhandled = vi.fn((event: PromiseRejectionEvent) => event.preventDefault());
  addEventListener('unhandledrejection', unhandled);
  const late = Promise.withResolvers<never>();
  const settled = settlesWithin(late.promise, 1_000);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(await settled).toBe(false);
  late.reject(new Error('late'));
  vi.useRealTimers();
  await new Promise((resolve) => setTimeout(resolve, 0));
  expect(unhandled).not.toHaveBeenCalled();
  removeEventListener('unhandledrejection', unhandled);
});
