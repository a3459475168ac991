/** @module Slows down who guesses the operator's token. Runs in: the Worker. */

import { networkOf } from '../request/address.ts';
import { MINUTE_MS } from '../time.ts';

/** The wrong tokens of one address that are answered at once. */
const FREE_FAILURES = 5;
/** Each further one doubles the wait, from one second up to this. */
const WAIT_MAX_SECONDS = 60;
/** After this time without a failure, an address starts again from nothing. */
const FORGOTTEN_AFTER_MS = 15 * MINUTE_MS;
/** The addresses that are remembered; beyond that, the one that failed longest ago is dropped. */
const ADDRESSES_MAX = 4_096;
/** The longest text of an IPv6 address. Only Cloudflare's edge says that it is one. */
const ADDRESS_MAX_CHARACTERS = 45;

interface Failures {
  readonly count: number;
  readonly lastAt: number;
  /** Attempts since the last failure that were not checked. */
  readonly turnedAway: number;
}

/** What becomes of a token that was tried. */
export type Attempt =
  | { readonly kind: 'right' }
  /** The failures of this address, and the attempts turned away before this one. */
  | { readonly kind: 'wrong'; readonly failures: number; readonly turnedAway: number }
  /** It was not checked. To let the right one in would tell it from the guesses. */
  | { readonly kind: 'wait'; readonly seconds: number };

/**
 * Slows down whoever guesses the operator's token. Addresses are counted apart, so nobody can lock the
 * operator out from elsewhere. Each isolate counts in its own memory: a guesser who reaches several of them
 * has that many times the attempts.
 */
export class LoginThrottle {
  readonly #failures = new Map<string, Failures>();

  /** Judges one attempt of an address, unless the address has to wait. */
  attempt(address: string, isRight: () => boolean): Attempt {
    const now = Date.now();
    const before = this.#of(address, now);
    const waitMs = before.lastAt + waitSeconds(before.count) * 1000 - now;
    if (waitMs > 0) {
      this.#failures.set(address, { ...before, turnedAway: before.turnedAway + 1 });
      return { kind: 'wait', seconds: Math.ceil(waitMs / 1000) };
    }
    if (isRight()) return { kind: 'right' };
    const failures = before.count + 1;
    this.#failures.delete(address);
    this.#failures.set(address, { count: failures, lastAt: now, turnedAway: 0 });
    for (const [oldest] of this.#failures) {
      if (this.#failures.size <= ADDRESSES_MAX) break;
      this.#failures.delete(oldest);
    }
    return { kind: 'wrong', failures, turnedAway: before.turnedAway };
  }

  /** How many addresses are remembered. */
  get size(): number {
    return this.#failures.size;
  }

  #of(address: string, now: number): Failures {
    const known = this.#failures.get(address);
    return known !== undefined && now - known.lastAt < FORGOTTEN_AFTER_MS
      ? known
      : { count: 0, lastAt: 0, turnedAway: 0 };
  }
}

function waitSeconds(failures: number): number {
  return failures < FREE_FAILURES ? 0 : Math.min(2 ** (failures - FREE_FAILURES), WAIT_MAX_SECONDS);
}

/**
 * Where a request comes from, as Cloudflare's edge says: an IPv4 address, or the /64 network of an IPv6
 * address, which is what one customer has. Empty where there is no edge in front.
 */
export function addressOf(headers: Headers): string {
  return networkOf((headers.get('cf-connecting-ip') ?? '').slice(0, ADDRESS_MAX_CHARACTERS));
}
