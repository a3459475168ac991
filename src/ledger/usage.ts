import type { Route } from '../config.ts';

/** What one caller has in one ledger object. */
interface Usage {
  running: number;
  storedBytes: number;
}

/** What a row costs beside its body, for the sum of what a caller stores. */
const ROW_BYTES = 1024;

/** Why a caller may not start another execution now. */
export type OverLimit = 'too-many-running' | 'too-much-stored';

/**
 * Counts what each caller has running and stored in one ledger object, so that no caller takes it all. It counts from the
 * object's start on: to sum up all rows would make a start the slower the more there are.
 */
export class CallerUsage {
  readonly #startedAt = Date.now();
  readonly #callers = new Map<string, Usage>();

  /** Whether another execution of this caller would be over a limit of the route. */
  overLimit(caller: string, route: Route): OverLimit | null {
    const usage = this.#callers.get(caller);
    if (usage === undefined) return null;
    if (usage.running >= route.maxRunningPerCaller) return 'too-many-running';
    return usage.storedBytes >= route.maxStoredBytesPerCaller ? 'too-much-stored' : null;
  }

  began(caller: string): void {
    this.#change(caller, 1, 0);
  }

  ended(caller: string): void {
    this.#change(caller, -1, 0);
  }

  stored(caller: string, bodyBytes: number): void {
    this.#change(caller, 0, bodyBytes + ROW_BYTES);
  }

  /** The body of a result has left the object, and its row stays. */
  bodyRemoved(caller: string, bodyBytes: number, completedAt: number): void {
    if (completedAt >= this.#startedAt) this.#change(caller, 0, -bodyBytes);
  }

  removed(caller: string, bodyBytes: number, completedAt: number): void {
    if (completedAt >= this.#startedAt) this.#change(caller, 0, -(bodyBytes + ROW_BYTES));
  }

  #change(caller: string, running: number, storedBytes: number): void {
    const usage = this.#callers.get(caller) ?? { running: 0, storedBytes: 0 };
    usage.running += running;
    usage.storedBytes += storedBytes;
    if (usage.running > 0 || usage.storedBytes > 0) this.#callers.set(caller, usage);
    else this.#callers.delete(caller);
  }
}
