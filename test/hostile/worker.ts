/**
 * The Worker of the hostile world: the gateway, and instances of its ledger objects, as many of each as the
 * world wants.
 */
import gateway, { Ledger } from '../../src/index.ts';
import type { LedgerAnswer, LedgerCall } from '../../src/protocol.ts';
import { leaveClock } from './clock.ts';
import type { SimulatedObject } from './object.ts';
import { theObject } from './registry.ts';
import { InstanceStorage } from './storage.ts';

/** What an instance has of the world: its own storage, and bindings whose use waits for that. */
interface Surroundings {
  readonly object: SimulatedObject;
  readonly storage: InstanceStorage;
  readonly env: object;
}

const surroundings = new WeakMap<DurableObjectState, Surroundings>();

function surround(ctx: DurableObjectState): Surroundings {
  const { name, object, env } = theObject(ctx.id.toString());
  if (surroundings.has(ctx)) {
    // Its storage is the double already: to empty it for another one would be a write of the object.
    throw object.flaw(name, 'an instance began in what another one has left');
  }
  const storage = new InstanceStorage(name, object, ctx.storage, (reason) => {
    // Nothing of it runs after that, not even a `finally`.
    leaveClock();
    ctx.abort(reason);
  });
  object.started(storage);
  const block = ctx.blockConcurrencyWhile.bind(ctx);
  const begin = async (task: () => Promise<unknown>) => {
    try {
      return await object.clock.run(task);
    } catch (error) {
      storage.end(`cannot start: ${error}`);
      throw error;
    }
  };
  Object.defineProperties(ctx, {
    storage: { value: storage.storage },
    blockConcurrencyWhile: { value: (task: () => Promise<unknown>) => block(() => begin(task)) },
  });
  const surrounding = { object, storage, env: env(storage) };
  surroundings.set(ctx, surrounding);
  return surrounding;
}

/**
 * One instance of a ledger object. What leaves it waits until what it has written is durable, as the platform
 * sees to.
 */
export class Instance extends Ledger {
  constructor(ctx: DurableObjectState, _env: object) {
    const { object, storage, env } = surround(ctx);
    object.clock.enter();
    try {
      super(ctx, env);
    } catch (error) {
      // The platform makes another one, of which this one has nothing. The tests' runtime does only if it is
      // told to, and would else begin again with the same `ctx`, in which the storage is the double.
      storage.end(`cannot start: ${error}`);
      throw error;
    } finally {
      leaveClock();
    }
  }

  override execute(call: LedgerCall): Promise<LedgerAnswer> {
    return this.#traced('execute', call, () => this.#gated(() => super.execute(call)));
  }

  override recall(call: Omit<LedgerCall, 'body'>): Promise<LedgerAnswer | null> {
    return this.#traced('recall', call, () => this.#gated(() => super.recall(call)));
  }

  override forget(id: string): ReturnType<Ledger['forget']> {
    return this.#gated(() => super.forget(id));
  }

  /** The alarm comes. */
  ring(): Promise<void> {
    return this.#gated((storage) => storage.handleAlarm(() => this.alarm()));
  }

  /** The platform ends it. */
  end(reason: string): void {
    surroundings.get(this.ctx)?.storage.end(reason);
  }

  async #traced<T>(
    what: string,
    { id, url, headers }: Omit<LedgerCall, 'body'>,
    task: () => Promise<T>,
  ): Promise<T> {
    const { object, storage } = this.#surroundings();
    const number = headers.find(([name]) => name === 'x-call')?.[1];
    object.trace.knows(url, id);
    const tell = (how: string) => object.trace.noteOf(storage.name, `${what} of call ${number} ${how}`, id);
    tell('arrives');
    try {
      const result = await task();
      tell(
        `answered: ${JSON.stringify(result, (name, value) => (name === 'body' || name === 'head' ? '…' : value))}`,
      );
      return result;
    } catch (error) {
      tell(`ends with ${error}`);
      throw error;
    }
  }

  #surroundings(): Surroundings {
    const surrounding = surroundings.get(this.ctx);
    if (surrounding === undefined) throw new Error('an instance without a world');
    return surrounding;
  }

  async #gated<T>(task: (storage: InstanceStorage) => Promise<T>): Promise<T> {
    const { object, storage } = this.#surroundings();
    const result = await object.clock.run(() => task(storage));
    await storage.gate();
    return result;
  }
}

export default gateway;
