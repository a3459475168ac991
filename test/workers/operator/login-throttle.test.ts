import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { addressOf, LoginThrottle } from '../../../src/operator/login-throttle.ts';
import { freshAddress, logIn, operator, TOKEN } from './gate.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] });
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

const wrong = () => false;
const right = () => true;

function pass(seconds: number): void {
  vi.setSystemTime(Date.now() + seconds * 1000);
}

test('five failures are free, and each one more doubles the wait, up to a minute', () => {
  const throttle = new LoginThrottle();
  for (let n = 1; n <= 5; n += 1) {
    expect(throttle.attempt('a', wrong)).toEqual({ kind: 'wrong', failures: n, turnedAway: 0 });
  }
  for (const seconds of [1, 2, 4, 8, 16, 32, 60, 60]) {
    expect(throttle.attempt('a', wrong)).toEqual({ kind: 'wait', seconds });
    pass(seconds);
    expect(throttle.attempt('a', wrong)).toMatchObject({ kind: 'wrong', turnedAway: 1 });
  }
});

test('who has to wait is not told whether his token is the right one', () => {
  const throttle = new LoginThrottle();
  for (let n = 1; n <= 5; n += 1) throttle.attempt('a', wrong);
  const asked = vi.fn(right);
  expect(throttle.attempt('a', asked)).toEqual({ kind: 'wait', seconds: 1 });
  expect(asked).not.toHaveBeenCalled();
  pass(1);
  expect(throttle.attempt('a', asked)).toEqual({ kind: 'right' });
});

test('a right token in between makes no room for more guesses', () => {
  const throttle = new LoginThrottle();
  for (let n = 1; n <= 4; n += 1) throttle.attempt('a', wrong);
  expect(throttle.attempt('a', right)).toEqual({ kind: 'right' });
  throttle.attempt('a', wrong);
  expect(throttle.attempt('a', wrong)).toMatchObject({ kind: 'wait' });
});

test('failures are forgotten after a quarter of an hour without one', () => {
  const throttle = new LoginThrottle();
  for (let n = 1; n <= 5; n += 1) throttle.attempt('a', wrong);
  pass(15 * 60);
  expect(throttle.attempt('a', wrong)).toMatchObject({ kind: 'wrong', failures: 1 });
});

test('guessing takes a bounded memory, however many addresses it comes from', () => {
  const throttle = new LoginThrottle();
  for (let n = 0; n < 10_000; n += 1) throttle.attempt(`address-${n}`, wrong);
  expect(throttle.size).toBe(4_096);
  expect(throttle.attempt('address-9999', wrong)).toMatchObject({ failures: 2 });
});

test.each([
  ['192.0.2.7', '192.0.2.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2::6', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  [`${'9'.repeat(100)}`, '9'.repeat(45)],
])('an IPv6 customer counts as one, an IPv4 address too: %s', (address, expected) => {
  expect(addressOf(new Headers({ 'cf-connecting-ip': address }))).toBe(expected);
});

test('of 2,000 guesses of one address five are looked at, and all are slowed down, by API and by form', async () => {
  for (const guess of [
    (n: number, from: Record<string, string>) =>
      operator('/executions', { headers: { ...from, authorization: `Bearer guess-number-${n}` } }),
    (n: number, from: Record<string, string>) => logIn(`guess-number-${n}`, from),
  ]) {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    const from = freshAddress();
    const statuses = new Map<number, number>();
    for (let n = 0; n < 2_000; n += 1) {
      const { status } = await guess(n, from);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
    expect([...statuses]).toEqual([
      [401, 5],
      [429, 1_995],
    ]);
    const refused = await guess(0, from);
    expect(Number(refused.headers.get('retry-after'))).toBe(1);
    expect((await operator('/executions', { headers: from })).status).toBe(429);

    const address = addressOf(new Headers(from));
    const lines = warn.mock.calls.map(([line]) => JSON.parse(line));
    expect(lines).toHaveLength(5);
    expect(lines[4]).toEqual({
      level: 'warn',
      event: 'operator-login-failed',
      address,
      failures: 5,
      turnedAway: 0,
    });
    expect(JSON.stringify(lines)).not.toContain('guess-number');
    warn.mockRestore();
  }
}, 60_000);

test('guesses of one address do not keep the operator out from another', async () => {
  vi.spyOn(console, 'warn').mockImplementation(() => {});
  const from = freshAddress();
  for (let n = 0; n < 50; n += 1) await logIn(`guess-number-${n}`, from);
  expect((await logIn(TOKEN, from)).status).toBe(429);
  expect((await logIn(TOKEN, freshAddress())).status).toBe(303);
  expect((await operator('/executions', { headers: freshAddress() })).status).toBe(200);
});
