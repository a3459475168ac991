import type { Random } from '../node/chaos/random.ts';
import { pass, worldNow } from './clock.ts';
import { EventualStore } from './eventual-store.ts';
import type { Faults } from './faults.ts';

/**
 * What Cloudflare documents: up to a minute until other places see a write, and a write a second for each
 * key.
 */
export const KV_SETTLES_MS = 60_000;
const WRITE_GAP_MS = 1_000;
const PLACES = 4;
const SLOW_MS = 20_000;

/** Workers KV in the hostile world. */
export class HostileKv {
  readonly store: EventualStore<Uint8Array>;
  readonly #faults: Faults;
  readonly #random: Random;

  constructor(faults: Faults, random: Random) {
    this.#faults = faults;
    this.#random = random;
    this.store = new EventualStore({
      random,
      places: PLACES,
      settlesMs: KV_SETTLES_MS,
      writeGapMs: WRITE_GAP_MS,
      now: worldNow,
    });
  }

  /** The binding, as a machine in some place has it. What an object does waits for its `gate`. */
  binding(gate: () => Promise<void> = () => Promise.resolve()): object {
    return {
      get: (key: string) => this.#get(key),
      list: (options: { prefix: string; limit: number }) => this.#list(options),
      put: async (key: string, value: Uint8Array | ReadableStream) => {
        await gate();
        const bytes = new Uint8Array(await new Response(value).arrayBuffer());
        await this.#write(key, bytes, 'PUT');
      },
      delete: async (key: string) => {
        await gate();
        await this.#write(key, null, 'DELETE');
      },
      getWithMetadata: () => Promise.reject(new Error('nobody asks for it')),
    };
  }

  async #get(key: string): Promise<ReadableStream | null> {
    await pass(this.#random.number() * 30);
    const value = this.store.read(key, this.#random.integer(0, PLACES - 1));
    return value === null ? null : new Response(value).body;
  }

  async #list({ prefix, limit }: { prefix: string; limit: number }): Promise<object> {
    await pass(this.#random.number() * 30);
    const names = this.store.names(prefix, this.#random.integer(0, PLACES - 1));
    return { keys: names.slice(0, limit).map((name) => ({ name })), list_complete: names.length <= limit };
  }

  async #write(key: string, value: Uint8Array | null, method: string): Promise<void> {
    const fails = this.#faults.happens('kvFails');
    const takesEffect = !fails || this.#random.chance(0.5);
    const slow = this.#faults.happens('kvSlow', 'a slow write to KV') ? this.#random.number() * SLOW_MS : 0;
    const before = this.#random.chance(0.5);
    await pass(before ? slow : 10);
    if (this.store.refuses(key)) {
      this.#faults.count('KV refused a write that came too soon');
      throw new Error(`KV ${method} failed: 429 Too Many Requests`);
    }
    if (takesEffect) this.store.write(key, value);
    await pass(before ? 10 : slow);
    if (!fails) return;
    this.#faults.count(takesEffect ? 'a write to KV failed, and took effect' : 'a write to KV failed');
    throw new Error(`KV ${method} failed: 500 Internal Server Error`);
  }
}
