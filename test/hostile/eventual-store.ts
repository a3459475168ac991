import type { Random } from '../node/chaos/random.ts';

/** What a place still sees may be this old. In production it is a minute; tests compress it. */
export interface EventualOptions {
  readonly random: Random;
  /** Readers in so many places, each with its own view. */
  readonly places: number;
  /** So long after the last write of a key, every place sees that write. */
  readonly settlesMs: number;
  /** Writes of one key that come closer together than this are refused. */
  readonly writeGapMs: number;
  readonly now: () => number;
}

interface Write<V> {
  readonly value: V | null;
  readonly at: number;
  /** When each place sees it. A later write may be there before. */
  readonly arrivals: readonly number[];
}

/**
 * Workers KV as its documentation allows it to be: each place sees a write in its own time, an earlier one
 * perhaps after a later one, and keeps what it read, a miss too. In the end all places see the write that was
 * last.
 */
export class EventualStore<V> {
  readonly #options: EventualOptions;
  readonly #writes = new Map<string, Write<V>[]>();
  readonly #kept = new Map<string, { readonly value: V | null; readonly until: number }>();
  /** How often a place did not see the last write, and how often it saw nothing where there was something. */
  readonly seen = { reads: 0, stale: 0, staleMisses: 0, refused: 0, outOfOrder: 0 };

  constructor(options: EventualOptions) {
    this.#options = options;
  }

  /** Whether a write of this key comes too soon after the last one. */
  refuses(key: string): boolean {
    const last = this.#writes.get(key)?.at(-1);
    const refused = last !== undefined && this.#options.now() - last.at < this.#options.writeGapMs;
    if (refused) this.seen.refused += 1;
    return refused;
  }

  /** Writes a value, or with `null` removes it. */
  write(key: string, value: V | null): void {
    const { random, places, settlesMs, now } = this.#options;
    const at = now();
    const arrivals = Array.from({ length: places }, () => at + random.number() * (settlesMs / 2));
    const earlier = this.#writes.get(key) ?? [];
    // What is older than the last settled write nobody sees any more.
    const settled = earlier.findLastIndex((write) => write.at + settlesMs / 2 <= at);
    this.#writes.set(key, [...earlier.slice(Math.max(0, settled)), { value, at, arrivals }]);
  }

  /** What a place sees of a key; `null` where that is nothing. */
  read(key: string, place: number): V | null {
    const { random, settlesMs, now } = this.#options;
    const at = now();
    const name = `${place} ${key}`;
    const kept = this.#kept.get(name);
    const current = kept !== undefined && kept.until > at ? kept : null;
    const value = current === null ? this.#at(key, place, at) : current.value;
    if (current === null) this.#kept.set(name, { value, until: at + random.number() * (settlesMs / 2) });
    const last = this.#writes.get(key)?.at(-1)?.value ?? null;
    this.seen.reads += 1;
    if (value !== last) this.seen.stale += 1;
    if (value === null && last !== null) this.seen.staleMisses += 1;
    return value;
  }

  /**
   * The keys with this prefix that a place sees, in their order. It may see one whose value is another by the
   * time that it is read.
   */
  names(prefix: string, place: number): string[] {
    const known = [...this.#writes.keys()].filter((key) => key.startsWith(prefix));
    return known.filter((key) => this.read(key, place) !== null).sort();
  }

  #at(key: string, place: number, at: number): V | null {
    const writes = this.#writes.get(key) ?? [];
    const last = writes.at(-1);
    if (last === undefined || last.at + this.#options.settlesMs / 2 <= at) return last?.value ?? null;
    let seen: Write<V> | null = null;
    for (const write of writes) {
      const arrival = write.arrivals[place] ?? 0;
      if (arrival > at) continue;
      if (seen === null || arrival >= (seen.arrivals[place] ?? 0)) seen = write;
      else this.seen.outOfOrder += 1;
    }
    return seen?.value ?? null;
  }
}
