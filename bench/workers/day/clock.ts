/**
 * A clock that moves from one thing to do to the next, at once. `Date.now` and the timers of the isolate are
 * its own while it runs.
 */

interface Due {
  readonly at: number;
  /** What is due at the same time is done in the order in which it was asked for. */
  readonly order: number;
  readonly task: () => void;
  cancelled: boolean;
}

/**
 * Promises that wait for one another, one after the other, settle within so many turns of the microtask
 * queue. No chain here is as long.
 */
const TURNS = 40;
/**
 * So many things are done before the runtime gets to commit what was written, and to whatever else it has to
 * do.
 */
const DONE_IN_A_ROW = 256;

export class VirtualClock {
  #now: number;
  #order = 0;
  #ids = 0;
  readonly #heap: Due[] = [];
  /** Timers that are set, by the number that they were given. */
  readonly #timers = new Map<number, Due>();
  readonly #thorough: boolean;

  /**
   * `thorough`: the runtime gets its turn after each thing that is done, which takes several times as long.
   */
  constructor(startsAt: number, thorough = false) {
    this.#now = startsAt;
    this.#thorough = thorough;
  }

  get now(): number {
    return this.#now;
  }

  /** Does something at that time. Returns what calls it off. */
  at(at: number, task: () => void): () => void {
    const due = this.#push(Math.max(at, this.#now), task);
    return () => {
      due.cancelled = true;
    };
  }

  pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.at(this.#now + ms, resolve));
  }

  /** Lets time pass up to `untilMs`, with all that is due by then. Call it from outside of what is due. */
  async runUntil(untilMs: number): Promise<void> {
    const restore = this.#install();
    try {
      for (let done = 0; ; done += 1) {
        const next = this.#heap[0];
        if (next === undefined || next.at > untilMs) break;
        this.#pop();
        if (next.cancelled) continue;
        this.#now = next.at;
        next.task();
        if (this.#thorough || done % DONE_IN_A_ROW === 0) await macrotask();
        for (let turn = 0; turn < TURNS; turn += 1) await null;
      }
      this.#now = Math.max(this.#now, untilMs);
    } finally {
      restore();
    }
  }

  /** Makes the isolate's time this one. Returns what gives it back its own. */
  #install(): () => void {
    const own = {
      now: Date.now,
      setTimeout: globalThis.setTimeout,
      clearTimeout: globalThis.clearTimeout,
      setInterval: globalThis.setInterval,
      clearInterval: globalThis.clearInterval,
    };
    Date.now = () => Math.floor(this.#now);
    const set =
      (again: boolean) =>
      (task: (...args: unknown[]) => void, ms?: number, ...args: unknown[]) =>
        this.#setTimer(() => task(...args), ms ?? 0, again);
    const clear = (id: unknown) => this.#clearTimer(id);
    Object.assign(globalThis, {
      setTimeout: set(false),
      clearTimeout: clear,
      setInterval: set(true),
      clearInterval: clear,
    });
    return () => {
      const { now, ...timers } = own;
      Date.now = now;
      Object.assign(globalThis, timers);
    };
  }

  #setTimer(task: () => void, ms: number, again: boolean): number {
    this.#ids += 1;
    const id = this.#ids;
    const ring = () => {
      if (again) this.#timers.set(id, this.#push(this.#now + ms, ring));
      else this.#timers.delete(id);
      task();
    };
    this.#timers.set(id, this.#push(this.#now + ms, ring));
    return id;
  }

  #clearTimer(id: unknown): void {
    if (typeof id !== 'number') return;
    const due = this.#timers.get(id);
    if (due !== undefined) due.cancelled = true;
    this.#timers.delete(id);
  }

  #push(at: number, task: () => void): Due {
    this.#order += 1;
    const due: Due = { at, order: this.#order, task, cancelled: false };
    const heap = this.#heap;
    let n = heap.length;
    heap.push(due);
    while (n > 0) {
      const parent = (n - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || isBefore(above, due)) break;
      heap[n] = above;
      n = parent;
    }
    heap[n] = due;
    return due;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let n = 0;
    for (;;) {
      let child = 2 * n + 1;
      let below = heap[child];
      if (below === undefined) break;
      const other = heap[child + 1];
      if (other !== undefined && isBefore(other, below)) {
        child += 1;
        below = other;
      }
      if (isBefore(last, below)) break;
      heap[n] = below;
      n = child;
    }
    heap[n] = last;
  }
}

function isBefore(a: Due, b: Due): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

const realSetTimeout = globalThis.setTimeout.bind(globalThis);

function macrotask(): Promise<void> {
  return new Promise((resolve) => realSetTimeout(resolve, 0));
}
