/** Random choices that are the same for the same seed (mulberry32). Each `of` begins a stream of its own. */
export class Random {
  #state: number;

  private constructor(state: number) {
    this.#state = state;
  }

  /**
   * The stream of choices for one thing, such as the nth key. Its choices do not depend on those of any
   * other.
   */
  static of(seed: number, ...thing: readonly number[]): Random {
    const mixed = thing.reduce((state, n) => Math.imul(state ^ n, 0x9e37_79b1) ^ (state >>> 15), seed | 0);
    const random = new Random(mixed);
    random.number();
    return random;
  }

  /** From 0 to 1, without 1. */
  number(): number {
    this.#state = (this.#state + 0x6d2b_79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from `min` to `max`, both included. */
  integer(min: number, max: number): number {
    return min + Math.floor(this.number() * (max - min + 1));
  }

  chance(probability: number): boolean {
    return this.number() < probability;
  }

  pick<T>(items: readonly [T, ...T[]]): T {
    return items[this.integer(0, items.length - 1)] ?? items[0];
  }

  /** One of the things, each as often as its weight says. */
  weighted<T>(things: readonly [readonly [weight: number, thing: T], ...(readonly [number, T])[]]): T {
    let left = this.number() * things.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, thing] of things) {
      left -= weight;
      if (left < 0) return thing;
    }
    return things[0][1];
  }
}
