import type { Interval } from '../node/chaos/history.ts';
import { type Clock, worldNow } from './clock.ts';
import type { Faults } from './faults.ts';
import type { InstanceStorage, Statement } from './storage.ts';
import type { Tables } from './tables.ts';
import { Trace } from './trace.ts';

/**
 * One Durable Object as the world has it: what was committed, and the instances of it, of which the newest is
 * the object and the others do not know yet that they are not.
 */
export class SimulatedObject {
  /** All that was committed, since ever. */
  readonly log: Statement[] = [];
  /** What was in the database of the instance that committed the last of it. */
  committed: Tables | null = null;
  /** Where the double is not what it stands for. Nothing that is judged after that counts. */
  readonly flaws: string[] = [];
  alarmAt: number | null = null;
  /** Its alarm is being handled. */
  isRinging = false;
  readonly trace = new Trace();
  /** When it lost what it had in memory. */
  readonly deaths: Interval[] = [];
  #generation = 1;
  #instance: InstanceStorage | null = null;

  constructor(
    readonly name: string,
    readonly clock: Clock,
    readonly faults: Faults,
  ) {}

  /** The name of the instance that is the object now. */
  get instanceName(): string {
    return `${this.name}#${this.#generation}`;
  }

  /**
   * Whether there is an instance that is the object. On a busy machine one takes its time to start. Not a
   * promise: one that an instance settles is lost where that instance ends in the same moment.
   */
  get hasBegun(): boolean {
    return this.#instance !== null;
  }

  /** An instance starts. One that was there before has ended: it was idle, or could not start. */
  started(instance: InstanceStorage): void {
    this.trace.note(instance.name, `starts from ${this.log.length} statements`);
    if (this.#instance !== null) {
      this.#instance.isFenced = true;
      this.#noteDeath();
    }
    this.#instance = instance;
  }

  /**
   * Another instance starts with the next call. The old one goes on with what it is doing, and cannot commit
   * any more.
   */
  supersede(): void {
    if (this.#instance === null) return;
    this.trace.note(this.#instance.name, 'is not the object any more, and does not know');
    this.#instance.isFenced = true;
    this.faults.count('a new instance beside the old one');
    this.#next();
  }

  /** The object is to be ended with all that it is doing. Its storage takes nothing more from it. */
  reset(): void {
    if (this.#instance === null) return;
    this.trace.note(this.#instance.name, 'is reset');
    this.#instance.isFenced = true;
    this.faults.count('the object reset');
    this.#next();
  }

  /** The instance ends itself. */
  died(why: string): void {
    this.faults.count(why);
    this.#next();
  }

  /** Says that the double is wrong, which is as bad as a broken promise. */
  flaw(instance: string, what: string): Error {
    const flaw = `the double of ${instance} is wrong: ${what}`;
    this.flaws.push(flaw);
    return new Error(flaw);
  }

  /** It could not write down what it had to, which ends a run as a death does. */
  wasFull(): void {
    this.#noteDeath();
  }

  #next(): void {
    this.#instance = null;
    this.#generation += 1;
    this.#noteDeath();
  }

  #noteDeath(): void {
    const at = worldNow();
    this.deaths.push({ at, until: at });
  }
}
