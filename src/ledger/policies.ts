/** @module Reads the policy that a call brings. Runs in: the ledger object. */

import type { LedgerCall, Policy } from '../protocol.ts';

/** A call whose policy was read. */
export type ReadCall<Call extends Omit<LedgerCall, 'body'>> = Omit<Call, 'policy'> & {
  readonly policy: Policy;
};

/** An object has calls of as many policies as its route had settings, or as middlewares share it. */
const KEPT = 16;

/** The policies of calls, each read once. */
export class Policies {
  readonly #read = new Map<string, Policy>();

  /** The call, with the policy that it brings as JSON. */
  read<Call extends Omit<LedgerCall, 'body'>>(call: Call): ReadCall<Call> {
    return { ...call, policy: this.#of(call.policy) };
  }

  #of(text: string): Policy {
    const known = this.#read.get(text);
    if (known !== undefined) return known;
    const policy: Policy = JSON.parse(text);
    if (this.#read.size >= KEPT) this.#read.clear();
    this.#read.set(text, policy);
    return policy;
  }
}
