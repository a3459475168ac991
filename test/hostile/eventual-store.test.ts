import { expect, test } from 'vitest';
import { Random } from '../node/chaos/random.ts';
import { EventualStore } from './eventual-store.ts';

const SETTLES_MS = 60_000;
const PLACES = 4;

/** A store whose time stands until it is told to go on. */
function storeAt(seed: number) {
  let now = 0;
  const store = new EventualStore<string>({
    random: Random.of(seed),
    places: PLACES,
    settlesMs: SETTLES_MS,
    writeGapMs: 1_000,
    now: () => now,
  });
  const views = () => Array.from({ length: PLACES }, (_, place) => store.read('key', place));
  return { store, views, pass: (ms: number) => (now += ms) };
}

const SEEDS = Array.from({ length: 200 }, (_, seed) => seed);

test('when a store has settled, every place sees the write that was last', () => {
  for (const seed of SEEDS) {
    const { store, views, pass } = storeAt(seed);
    for (const value of ['a', 'b', null, 'c']) {
      store.write('key', value);
      views();
      pass(seed * 50);
    }
    pass(SETTLES_MS);
    expect(views()).toEqual(['c', 'c', 'c', 'c']);
  }
});

test('until then a place may see nothing, or what was before, or what comes after a later one', () => {
  const counted = { misses: 0, stale: 0, outOfOrder: 0 };
  for (const seed of SEEDS) {
    const { store, views, pass } = storeAt(seed);
    views();
    store.write('key', 'a');
    pass(5_000);
    views();
    store.write('key', 'b');
    for (let step = 0; step < 30; step += 1) {
      pass(1_000);
      const seen = views();
      expect(seen.every((value) => value === null || value === 'a' || value === 'b')).toBe(true);
    }
    counted.misses += store.seen.staleMisses;
    counted.stale += store.seen.stale;
    counted.outOfOrder += store.seen.outOfOrder;
  }
  expect(counted.misses).toBeGreaterThan(0);
  expect(counted.stale).toBeGreaterThan(counted.misses);
  expect(counted.outOfOrder).toBeGreaterThan(0);
});

test('a key takes a write a second', () => {
  const { store, pass } = storeAt(1);
  store.write('key', 'a');
  expect(store.refuses('key')).toBe(true);
  expect(store.refuses('another')).toBe(false);
  pass(1_000);
  expect(store.refuses('key')).toBe(false);
});
