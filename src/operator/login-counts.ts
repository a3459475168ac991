/**
 * @module Counts failed logins where they last: in a ledger object. An isolate's own memory does not, and
 * each request may meet another isolate. Runs in: the Worker.
 */

import { pause } from '../deadline.ts';
import type { LoginFailures } from '../inspection.ts';
import { log, textOf } from '../log.ts';

/** Failures within this time are handed on together, so a guess costs no call. */
const TOGETHER_MS = 1_000;

/** The failed logins of this isolate that no ledger object knows of yet. */
export class LoginCounts {
  readonly #handOn: (failures: LoginFailures) => Promise<void>;
  #failed = 0;
  #turnedAway = 0;
  /** Milliseconds since the epoch. Nothing more is handed on before that. */
  #nextAt = 0;

  constructor(handOn: (failures: LoginFailures) => Promise<void>) {
    this.#handOn = handOn;
  }

  /** Counts one attempt that failed. `waitUntil` keeps the request's context until it is handed on. */
  add(kind: 'wrong' | 'wait', waitUntil: (promise: Promise<unknown>) => void): void {
    if (kind === 'wrong') this.#failed += 1;
    else this.#turnedAway += 1;
    const now = Date.now();
    if (now < this.#nextAt) return;
    this.#nextAt = now + TOGETHER_MS;
    waitUntil(this.#handOnSoon());
  }

  /** What cannot be handed on stays for the next time. */
  async #handOnSoon(): Promise<void> {
    await pause(TOGETHER_MS);
    const failures = { failed: this.#failed, turnedAway: this.#turnedAway };
    if (failures.failed + failures.turnedAway === 0) return;
    this.#failed = 0;
    this.#turnedAway = 0;
    try {
      await this.#handOn(failures);
    } catch (error) {
      this.#failed += failures.failed;
      this.#turnedAway += failures.turnedAway;
      log('warn', 'logins-not-counted', { ...failures, reason: textOf(error) });
    }
  }
}
