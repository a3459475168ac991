import type { Random } from '../node/chaos/random.ts';

/** What goes wrong in a world, as probabilities from 0 to 1. */
export interface FaultRates {
  /** Of each call to an object. */
  readonly overloaded: number;
  readonly lostBefore: number;
  readonly lostAfter: number;
  readonly delayed: number;
  readonly supersedes: number;
  readonly resets: number;
  /** Of each commit. */
  readonly commitFails: number;
  readonly commitSlow: number;
  /** Of each write, and of each piece of a body. */
  readonly full: number;
  readonly fullInBody: number;
  /** Of each request to KV. */
  readonly kvFails: number;
  readonly kvSlow: number;
  /** Of each alarm. */
  readonly alarmLost: number;
}

export const NO_FAULTS: FaultRates = {
  overloaded: 0,
  lostBefore: 0,
  lostAfter: 0,
  delayed: 0,
  supersedes: 0,
  resets: 0,
  commitFails: 0,
  commitSlow: 0,
  full: 0,
  fullInBody: 0,
  kvFails: 0,
  kvSlow: 0,
  alarmLost: 0,
};

/** Counted of each write that found no room. */
export const FULL = 'a write found the database full';

const COMMIT_MS = 20;
const SLOW_COMMIT_MS = 2_000;

/** Decides what goes wrong, and counts it. */
export class Faults {
  readonly counted: Map<string, number>;
  #rates: FaultRates;
  readonly #random: Random;

  constructor(rates: FaultRates, random: Random, counted = new Map<string, number>()) {
    this.#rates = rates;
    this.#random = random;
    this.counted = counted;
  }

  /** From now on nothing goes wrong any more. */
  calm(): void {
    this.#rates = NO_FAULTS;
  }

  happens(fault: keyof FaultRates, counted?: string): boolean {
    const happens = this.#random.chance(this.#rates[fault]);
    if (happens && counted !== undefined) this.count(counted);
    return happens;
  }

  count(fault: string): void {
    this.counted.set(fault, (this.counted.get(fault) ?? 0) + 1);
  }

  /** Whether a storage access tells an old instance that it is one, or else its next commit does. */
  tellsFenced(): boolean {
    return this.#random.chance(0.3);
  }

  isFull(isBody: boolean): boolean {
    return this.happens(isBody ? 'fullInBody' : 'full', FULL);
  }

  /** A full database ends the object at times, as one that cannot be written to does. */
  resetsWhenFull(): boolean {
    return this.#random.chance(0.5);
  }

  commitMs(): number {
    if (this.happens('commitSlow', 'a commit took 2 s')) return SLOW_COMMIT_MS;
    return this.#random.number() * COMMIT_MS;
  }

  commitFails(): boolean {
    return this.happens('commitFails');
  }
}
