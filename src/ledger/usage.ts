/** @module What each caller has running and stored. Runs in: the ledger object. */

import type { LedgerCall, OverLimit, Policy } from '../protocol.ts';

/** What one caller, or all callers of one address, have in one ledger object. */
interface Usage {
  running: number;
  storedBytes: number;
  /** From where a caller last began an execution: what it has stored counts there too. */
  address: string | null;
}

/** What a row costs beside its body, for the sum of what a caller stores. */
const ROW_BYTES = 1024;

/** How much one caller may have in one ledger object. */
type Limits = Pick<Policy, 'maxRunningPerCaller' | 'maxStoredBytesPerCaller'>;

/**
 * So many callers, and so many addresses, are remembered. Of those with nothing running, the oldest go first.
 */
const REMEMBERED_MAX = 20_000;

/**
 * Counts what each caller has running and stored in one ledger object, so that no caller takes it all; and
 * each address, so that none does by inventing callers. It counts from the object's start on: to sum up all
 * rows would make a start the slower the more there are.
 */
export class CallerUsage {
  readonly #startedAt = Date.now();
  readonly #callers = new Map<string, Usage>();
  readonly #addresses = new Map<string, Usage>();

  /** How many callers and addresses are remembered. */
  get remembered(): number {
    return this.#callers.size + this.#addresses.size;
  }

  /** Whether another execution of this caller, or from this address, would be over a limit of the route. */
  overLimit(caller: string, limits: Limits, address: string | null = null): OverLimit | null {
    const usages = [this.#callers.get(caller), address === null ? undefined : this.#addresses.get(address)];
    for (const usage of usages) {
      if (usage === undefined) continue;
      if (usage.running >= limits.maxRunningPerCaller) return 'too-many-running';
      if (usage.storedBytes >= limits.maxStoredBytesPerCaller) return 'too-much-stored';
    }
    return null;
  }

  began(caller: string, address: string | null = null): void {
    const usage = change(this.#callers, caller, 1, 0);
    if (usage.address !== address) {
      this.#countAt(usage.address, 0, -usage.storedBytes);
      this.#countAt(address, 0, usage.storedBytes);
      usage.address = address;
    }
    this.#countAt(address, 1, 0);
    forgetIdle(this.#callers, (forgotten) => this.#countAt(forgotten.address, 0, -forgotten.storedBytes));
    forgetIdle(this.#addresses);
  }

  ended(caller: string, address: string | null = null): void {
    change(this.#callers, caller, -1, 0);
    this.#countAt(address, -1, 0);
  }

  stored(caller: string, bodyBytes: number): void {
    this.#changeStored(caller, bodyBytes + ROW_BYTES);
  }

  /** The body of a result has left the object, and its row stays. */
  bodyRemoved(caller: string, bodyBytes: number, completedAt: number): void {
    if (completedAt >= this.#startedAt) this.#changeStored(caller, -bodyBytes);
  }

  removed(caller: string, bodyBytes: number, completedAt: number): void {
    if (completedAt >= this.#startedAt) this.#changeStored(caller, -(bodyBytes + ROW_BYTES));
  }

  #changeStored(caller: string, bytes: number): void {
    this.#countAt(change(this.#callers, caller, 0, bytes).address, 0, bytes);
  }

  #countAt(address: string | null, running: number, storedBytes: number): void {
    if (address !== null) change(this.#addresses, address, running, storedBytes);
  }
}

/** The one that changed last is the last of all. One that has nothing is not there. */
function change(usages: Map<string, Usage>, name: string, running: number, storedBytes: number): Usage {
  const usage = usages.get(name) ?? { running: 0, storedBytes: 0, address: null };
  usage.running = Math.max(0, usage.running + running);
  usage.storedBytes = Math.max(0, usage.storedBytes + storedBytes);
  usages.delete(name);
  if (usage.running > 0 || usage.storedBytes > 0) usages.set(name, usage);
  return usage;
}

function forgetIdle(usages: Map<string, Usage>, forgotten?: (usage: Usage) => void): void {
  if (usages.size <= REMEMBERED_MAX) return;
  for (const [name, usage] of usages) {
    if (usage.running > 0) continue;
    usages.delete(name);
    forgotten?.(usage);
    return;
  }
}

/** Whom a call counts against: its caller, and its address where that is known. */
export function partiesOf({ caller, address }: Pick<LedgerCall, 'caller' | 'address'>): string[] {
  return address === null ? [caller] : [caller, address];
}
