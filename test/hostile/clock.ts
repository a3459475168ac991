import { AsyncLocalStorage } from 'node:async_hooks';

/** So many seconds pass in the world while one passes outside. */
export const SPEED = 12;

const realNow = Date.now.bind(Date);
const realSetTimeout = globalThis.setTimeout;
const realSetInterval = globalThis.setInterval;
const startedAt = realNow();
/** Where nothing but a stretch of code without an `await` is run. */
let entered: Clock | null = null;
const current = new AsyncLocalStorage<Clock>();

/** The time of the world, in milliseconds since the epoch. No machine in it has quite this time. */
export function worldNow(): number {
  return startedAt + (realNow() - startedAt) * SPEED;
}

/** Waits for so many milliseconds of the world. */
export function pass(ms: number): Promise<void> {
  return new Promise((resolve) => realSetTimeout(resolve, ms / SPEED));
}

/**
 * Makes this isolate's time that of the world: timers are faster, and the date is that of the clock in whose
 * context it is asked.
 */
export function enterWorld(): void {
  Date.now = () => Math.floor(worldNow() + ((entered ?? current.getStore())?.offsetMs() ?? 0));
  const faster = <T extends typeof setTimeout | typeof setInterval>(real: T) =>
    ((callback: (...args: unknown[]) => void, ms = 0, ...args: unknown[]) =>
      real(callback, ms / SPEED, ...args)) as unknown as T;
  globalThis.setTimeout = faster(realSetTimeout);
  globalThis.setInterval = faster(realSetInterval);
}

/** Ends what runs on the machine that was entered, if one was. */
export function leaveClock(): void {
  entered = null;
}

/**
 * The clock of one machine. It is off by up to `maxMs`, now ahead and now behind, and goes from the one to
 * the other in half a period.
 */
export class Clock {
  readonly #maxMs: number;
  readonly #periodMs: number;
  readonly #phase: number;

  constructor(maxMs: number, periodMs: number, phase: number) {
    this.#maxMs = maxMs;
    this.#periodMs = periodMs;
    this.#phase = phase;
  }

  offsetMs(): number {
    return this.#maxMs * Math.sin(2 * Math.PI * (worldNow() / this.#periodMs + this.#phase));
  }

  /** What comes next, up to {@link leaveClock}, runs on this machine. There must be no `await` in it. */
  enter(): void {
    entered = this;
  }

  /** Runs something on this machine, and whatever it begins. */
  run<T>(task: () => T): T {
    return current.run(this, task);
  }
}
