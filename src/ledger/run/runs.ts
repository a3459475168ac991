/** @module The executions that run. Runs in: the ledger object. */

import type { Begun } from '../store/row.ts';
import type { Execution } from './execution.ts';

/** A run, with what began it. */
export interface Run {
  readonly begun: Begun;
  readonly expiresAt: number;
  readonly execution: Execution;
}

/** The executions that run in a ledger object, in the order in which they began. */
export class Runs {
  readonly #runs = new Map<string, Run>();

  get size(): number {
    return this.#runs.size;
  }

  /** No execution that runs has a number before this one. */
  get firstSeq(): number {
    for (const { begun } of this.#runs.values()) return begun.seq;
    return Number.MAX_SAFE_INTEGER;
  }

  has(id: string): boolean {
    return this.#runs.has(id);
  }

  find(id: string): Run | null {
    return this.#runs.get(id) ?? null;
  }

  all(): Iterable<Run> {
    return this.#runs.values();
  }

  add(run: Run): void {
    this.#runs.set(run.begun.id, run);
  }

  /** It runs no more. Another one may run under this id by now. */
  remove({ id, seq }: Begun): void {
    if (this.#runs.get(id)?.begun.seq === seq) this.#runs.delete(id);
  }
}
