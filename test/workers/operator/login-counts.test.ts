import { reset, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { LoginFailures } from '../../../src/inspection.ts';
import { LoginCounts } from '../../../src/operator/login-counts.ts';
import { freshAddress, logIn, operator } from './gate.ts';

describe('in one isolate', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });

  afterEach(() => {
    vi.restoreAllMocks();
    vi.useRealTimers();
  });

  test('guesses of one second are handed on in one call', async () => {
    const handedOn: LoginFailures[] = [];
    const counts = new LoginCounts(async (failures) => void handedOn.push(failures));
    const pending: Promise<unknown>[] = [];
    for (let n = 0; n < 2_000; n += 1)
      counts.add(n < 5 ? 'wrong' : 'wait', (promise) => pending.push(promise));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(pending).toHaveLength(1);
    expect(handedOn).toEqual([{ failed: 5, turnedAway: 1_995 }]);
    counts.add('wait', (promise) => pending.push(promise));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(handedOn[1]).toEqual({ failed: 0, turnedAway: 1 });
  });

  test('what the ledger did not take is handed on with the next', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    const handedOn: LoginFailures[] = [];
    let isUp = false;
    const counts = new LoginCounts(async (failures) => {
      if (!isUp) throw new Error('out of reach');
      handedOn.push(failures);
    });
    counts.add('wrong', () => {});
    await vi.advanceTimersByTimeAsync(1_000);
    expect(JSON.parse(warn.mock.calls[0]?.[0])).toMatchObject({ event: 'logins-not-counted', failed: 1 });
    isUp = true;
    counts.add('wrong', () => {});
    await vi.advanceTimersByTimeAsync(1_000);
    expect(handedOn).toEqual([{ failed: 2, turnedAway: 0 }]);
  });

  test('a request whose context ends too early takes no count with it', async () => {
    const handedOn: LoginFailures[] = [];
    const counts = new LoginCounts(async (failures) => void handedOn.push(failures));
    counts.add('wrong', () => {});
    vi.clearAllTimers();
    vi.setSystemTime(Date.now() + 1_000);
    counts.add('wrong', () => {});
    await vi.advanceTimersByTimeAsync(1_000);
    expect(handedOn).toEqual([{ failed: 2, turnedAway: 0 }]);
  });
});

describe('through the gateway', () => {
  // The first object of the first route: see vitest.config.ts.
  const first = () => env.LEDGER.getByName('/refuse/*:0');

  afterEach(async () => {
    vi.restoreAllMocks();
    await reset();
  });

  /** The value of a counter in the metrics; `null` where it is not among them. */
  async function refused(reason: string): Promise<number | null> {
    const text = await (await operator('/metrics', { headers: freshAddress() })).text();
    const found = new RegExp(
      `^oncegate_operator_logins_refused_total\\{reason="${reason}"\\} (\\d+)$`,
      'm',
    ).exec(text);
    return found === null ? null : Number(found[1]);
  }

  const overview = async () => (await operator('/', { headers: freshAddress() })).text();

  test('guessing shows in the metrics and in the console, and takes one row', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => {});
    expect(await refused('wrong-token')).toBe(0);
    const quiet = await overview();
    expect(quiet).toContain('Duplicates prevented');
    expect(quiet).not.toContain('turned away');
    const from = freshAddress();
    for (let n = 0; n < 20; n += 1) {
      await operator('/executions', { headers: { ...from, authorization: `Bearer guess-number-${n}` } });
      await logIn(`guess-number-${n}`, from);
    }
    await vi.waitFor(
      async () => {
        await runDurableObjectAlarm(first());
        expect([await refused('wrong-token'), await refused('turned-away')]).toEqual([5, 35]);
      },
      { timeout: 20_000, interval: 250 },
    );
    const rows = await runInDurableObject(first(), (_, { storage }) =>
      storage.sql.exec('SELECT count(*) AS n FROM totals').one(),
    );
    // Two, where a minute began in between.
    expect(rows.n).toBeLessThanOrEqual(2);
    expect(await overview()).toMatch(/5 wrong tokens were tried.*35 more.*turned away/s);
  }, 30_000);
});
