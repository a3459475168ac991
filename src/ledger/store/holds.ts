/** @module Which results somebody reads. Runs in: the ledger object. */

/** Which results somebody reads. What they read stays for them, whatever becomes of the execution. */
export class Holds {
  readonly #readers = new Map<number, number>();

  /** Somebody reads this one until the returned function is called. To call that again does nothing. */
  hold(seq: number): () => void {
    this.#readers.set(seq, (this.#readers.get(seq) ?? 0) + 1);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      const left = (this.#readers.get(seq) ?? 1) - 1;
      if (left > 0) this.#readers.set(seq, left);
      else this.#readers.delete(seq);
    };
  }

  has(seq: number): boolean {
    return this.#readers.has(seq);
  }
}
