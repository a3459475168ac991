import type { Interval } from '../node/chaos/history.ts';
import type { Random } from '../node/chaos/random.ts';
import { pass, worldNow } from './clock.ts';
import type { Faults } from './faults.ts';
import type { SimulatedObject } from './object.ts';
import type { Instance } from './worker.ts';

/** Errors of calls to objects, with the words and the marks that the runtime gives them. */
const ERRORS = {
  overloaded: () =>
    marked('Durable Object is overloaded. Requests queued for too long.', ['overloaded', 'remote']),
  lost: () => marked('Network connection lost.', ['retryable']),
  unresolved: () =>
    marked('Cannot resolve Durable Object due to transient issue on remote node.', ['retryable', 'remote']),
  reset: () => marked('Durable Object reset because its code was updated.', ['durableObjectReset', 'remote']),
};

function marked(message: string, marks: readonly string[]): Error {
  return Object.assign(new Error(message), Object.fromEntries(marks.map((mark) => [mark, true])));
}

/** What an instance that ends says last. */
const LAST_WORDS = /object (?:to be )?reset/i;

const DELAY_MAX_MS = 2_000;
/** So long it is waited for an instance that something is to happen to. */
const BEGINS_WITHIN_MS = 60_000;
const LOOK_EVERY_MS = 50;

/**
 * The way from Workers to objects: calls are delayed, refused, or lost, before they arrive or with their
 * answer. None comes twice.
 */
export class HostilePlatform {
  /** When some call did not come through. */
  readonly interrupted: Interval[] = [];
  readonly #objects = new Map<string, SimulatedObject>();
  readonly #faults: Faults;
  readonly #random: Random;
  readonly #makeObject: (name: string) => SimulatedObject;
  readonly #instance: (object: SimulatedObject) => DurableObjectStub<Instance>;

  constructor(
    faults: Faults,
    random: Random,
    makeObject: (name: string) => SimulatedObject,
    instance: (object: SimulatedObject) => DurableObjectStub<Instance>,
  ) {
    this.#faults = faults;
    this.#random = random;
    this.#makeObject = makeObject;
    this.#instance = instance;
  }

  get objects(): SimulatedObject[] {
    return [...this.#objects.values()];
  }

  /** The binding of the objects' namespace. */
  get namespace(): object {
    return {
      getByName: (name: string) => this.#stub(this.#object(name)),
      idFromName: (name: string) => ({ toString: () => name }),
    };
  }

  /** Rings the alarms that are due, each in the object that there is then, and again where that fails. */
  async ringAlarms(): Promise<void> {
    await Promise.all(
      this.objects.map(async (object) => {
        if (object.alarmAt === null || object.alarmAt > worldNow() || object.isRinging) return;
        if (this.#faults.happens('alarmLost', 'an alarm came late')) return;
        object.isRinging = true;
        try {
          const instance = this.#instance(object);
          await instance.ring();
        } catch {
          // It comes again: what was not committed of it did not happen.
        } finally {
          object.isRinging = false;
        }
      }),
    );
  }

  #object(name: string): SimulatedObject {
    const known = this.#objects.get(name);
    if (known !== undefined) return known;
    const object = this.#makeObject(name);
    this.#objects.set(name, object);
    return object;
  }

  #stub(object: SimulatedObject): object {
    const methods = ['execute', 'recall', 'forget', 'list', 'inspect', 'summary', 'countReplays'] as const;
    return Object.fromEntries(
      methods.map((method) => [method, (...args: unknown[]) => this.#call(object, method, args)]),
    );
  }

  async #call(object: SimulatedObject, method: string, given: readonly unknown[]): Promise<unknown> {
    const startedAt = worldNow();
    // What goes along is copied when the call is made, and not its owner's to change after that.
    const args = given.map((value) => (hasStream(value) ? value : structuredClone(value)));
    try {
      return await this.#tryCall(object, method, args);
    } catch (error) {
      this.interrupted.push({ at: startedAt, until: worldNow() });
      throw error;
    }
  }

  async #tryCall(object: SimulatedObject, method: string, args: readonly unknown[]): Promise<unknown> {
    const faults = this.#faults;
    const random = this.#random;
    if (faults.happens('delayed', 'a call delayed')) await pass(random.number() * DELAY_MAX_MS);
    if (faults.happens('overloaded', 'a call refused: overloaded')) throw ERRORS.overloaded();
    if (faults.happens('lostBefore', 'a call lost on the way')) {
      throw random.chance(0.5) ? ERRORS.lost() : ERRORS.unresolved();
    }
    const instance = this.#instance(object);
    const answer = (Reflect.get(instance, method) as (...given: readonly unknown[]) => Promise<unknown>)(
      ...args,
    );
    // Whoever is let down before that does not hear of it.
    answer.catch(() => {});
    if (faults.happens('supersedes')) void this.#soon(object, () => object.supersede());
    if (faults.happens('resets')) {
      void this.#soon(object, () => {
        object.reset();
        // It answers nothing: it is gone.
        Promise.resolve(instance.end('Durable Object reset because its code was updated.')).catch(() => {});
      });
    }
    if (faults.happens('lostAfter', 'an answer lost')) {
      await Promise.race([answer, pass(random.number() * 500)]);
      throw random.chance(0.8) ? ERRORS.lost() : ERRORS.reset();
    }
    try {
      return await answer;
    } catch (error) {
      // An instance that ended: in production the runtime says so by a mark.
      if (error instanceof Error && LAST_WORDS.test(error.message)) {
        throw marked(error.message, ['durableObjectReset', 'remote']);
      }
      throw error;
    }
  }

  /** While the call is somewhere on its way. */
  async #soon(object: SimulatedObject, what: () => void): Promise<void> {
    for (let waited = 0; !object.hasBegun && waited < BEGINS_WITHIN_MS; waited += LOOK_EVERY_MS) {
      await pass(LOOK_EVERY_MS);
    }
    await pass(this.#random.number() * 400);
    what();
  }
}

function hasStream(value: unknown): boolean {
  return value instanceof Object && 'body' in value && value.body instanceof ReadableStream;
}
