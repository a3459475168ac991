/** @module Runs that a second call for the same key joins. Runs in: any runtime. */

/** Runs going on in this process, so that a second call for a key joins the first, whatever the store is. */
export class SingleFlight<Run> {
  readonly #stores = new WeakMap<object, Map<string, Run>>();

  get(store: object, key: string): Run | undefined {
    return this.#stores.get(store)?.get(key);
  }

  /** To be joined until `over` has settled. */
  add(store: object, key: string, run: Run, over: Promise<unknown>): void {
    const runs = this.#stores.get(store) ?? new Map<string, Run>();
    this.#stores.set(store, runs);
    runs.set(key, run);
    const remove = () => void runs.delete(key);
    over.then(remove, remove);
  }
}
