/** @module The policies of calls, each read once. Runs in: the ledger object. */

import type { Policy } from '../protocol.ts';

/** An object has calls of as many policies as its route had settings, or as middlewares share it. */
const KEPT = 16;

/** The policies of calls, each read once. */
export class Policies {
  readonly #read = new Map<string, Policy>();

  /** The policy that a call brings as JSON. */
  of(text: string): Policy {
    const known = this.#read.get(text);
    if (known !== undefined) return known;
    const policy: Policy = JSON.parse(text);
    if (this.#read.size >= KEPT) this.#read.clear();
    this.#read.set(text, policy);
    return policy;
  }
}
