/** @module Slows down who guesses the operator's token. Runs in: the Worker. */

import { networkOf } from '../request/address.ts';
import { MINUTE_MS } from '../time.ts';

/** So many wrong tokens of one address are answered at once. */
const FREE_FAILURES = 5;
/** Each one more doubles the wait, from one second to this. */
const WAIT_MAX_SECONDS = 60;
/** Without a failure for so long, an address begins anew. */
const FORGOTTEN_AFTER_MS = 15 * MINUTE_MS;
/** More addresses than that are not remembered; the one that failed longest ago goes first. */
const ADDRESSES_MAX = 4_096;
/** The longest text of an IPv6 address. Only Cloudflare's edge says that it is one. */
const ADDRESS_MAX_CHARACTERS = 45;

interface Failures {
  readonly count: number;
  readonly lastAt: number;
  /** Attempts since the last failure that were not looked at. */
  readonly turnedAway: number;
}

/** What becomes of a token that was tried. */
export type Attempt =
  | { readonly kind: 'right' }
  /** The failures of this address, and the attempts turned away before this one. */
  | { readonly kind: 'wrong'; readonly failures: number; readonly turnedAway: number }
  /**
   * It was not looked at, whether right or wrong: a right one that is let in would tell a guess from the
   * others.
   */
  | { readonly kind: 'wait'; readonly seconds: number };

/**
 * Slows down who guesses the operator's token. Each address has its own count, so that nobody keeps the
 * operator out from another one. It is kept in memory, in each isolate by itself: a guesser who meets several
 * has so many times the attempts.
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
