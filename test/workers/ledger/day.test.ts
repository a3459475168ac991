import { reset, runInDurableObject } from 'cloudflare:test';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compare, type LivedDay } from '../../../bench/report/day.ts';
import { liveDay } from '../../../bench/workers/day/day.ts';
import { type DayOptions, HOUR_MS } from '../../../bench/workers/day/lived.ts';
import { ledger } from './world.ts';

const MINUTE_MS = 60_000;

/**
 * One of sixteen objects at ten million requests a day, in a busy hour in which it is lost once. Results end
 * after five minutes.
 */
const BUSY: DayOptions = {
  seed: 1,
  shard: 0,
  shards: 16,
  requestsPerDay: 10_000_000,
  ttlMs: 5 * MINUTE_MS,
  startsAtMs: 17.4 * HOUR_MS,
  warmUpMs: 5 * MINUTE_MS,
  countedMs: 5 * MINUTE_MS,
  parts: 1,
};

let day: LivedDay;

beforeAll(async () => {
  const lived = await runInDurableObject(ledger('/a-day'), (_, state) => liveDay(state, BUSY));
  day = { options: BUSY, objects: [lived] };
}, 120_000);

afterAll(() => reset());

test('no key of a busy day runs again but for what the contract allows, and everybody is answered', () => {
  const [{ violations, unanswered } = { violations: ['no day'] }] = day.objects;
  expect(violations).toEqual([]);
  expect(unanswered).toBe(0);
});

test('nothing is left of a day when all that it recorded has ended', () => {
  expect(day.objects[0]?.rowsLeft).toBe(0);
});

// Not of so small a table: the rows read, as it is looked through more often than a day's; and its size, much
// of which waits to be swept.
test.each(['object requests', 'of them alarms', 'rows written', 'KV writes', 'GB-s'])(
  'the formula of docs/cost.md says what a day costs: %s',
  (what) => {
    const line = compare(day).find((candidate) => candidate.what === what);
    expect((line?.counted ?? 0) / (line?.byParts ?? 1)).toBeCloseTo(1, 1);
  },
);

test('a day is the same whenever it is lived', async () => {
  const short = { ...BUSY, warmUpMs: 0, countedMs: MINUTE_MS / 2, ttlMs: MINUTE_MS };
  const live = (thorough: boolean) =>
    runInDurableObject(ledger(`/a-day-${thorough}`), (_, state) => liveDay(state, { ...short, thorough }));
  expect(await live(true)).toEqual(await live(false));
}, 60_000);
