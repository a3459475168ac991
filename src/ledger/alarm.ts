/** @module A ledger object's one alarm. Runs in: the ledger object. */

import { log, textOf } from '../log.ts';

/** Alarms come no closer together than this, so that requests get through. */
const MIN_ALARM_GAP_MS = 1_000;
/**
 * What is known in memory only is written down this soon. The runtime may put an idle object away after ten
 * seconds, and its memory with it.
 */
const WRITE_DOWN_WITHIN_MS = 8_000;

/** The object's one alarm, for all that is not done at once. */
export class Alarm {
  readonly #storage: DurableObjectStorage;
  #at: number | null = null;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
  }

  /** Takes over from an earlier life of the object. Returns whether an alarm is set. */
  async start(): Promise<boolean> {
    this.#at = await this.#storage.getAlarm();
    return this.#at !== null;
  }

  /** It rings: none is set now. */
  ring(): void {
    this.#at = null;
  }

  /** It is to ring by `atMs`. Costs a write only where it would not ring before that. */
  wakeBy(atMs: number): void {
    if (this.#at !== null && this.#at <= atMs + MIN_ALARM_GAP_MS) return;
    this.#at = Math.max(atMs, Date.now() + MIN_ALARM_GAP_MS);
    this.#storage.setAlarm(this.#at, { allowUnconfirmed: true }).catch((error) => {
      this.#at = null;
      log('error', 'alarm-not-set', { reason: textOf(error) });
    });
  }

  /** There is something in memory that is to be written down, which the next alarm does. */
  writeDownSoon(): void {
    this.wakeBy(Date.now() + WRITE_DOWN_WITHIN_MS);
  }
}
