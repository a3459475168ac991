import type { Random } from '../../../test/node/chaos/random.ts';
import { normal } from './chance.ts';
import type { VirtualClock } from './clock.ts';
import type { Tally } from './tally.ts';

/** Of writes to KV: what one in two takes at most, how much they differ, and how many fail. */
const MEDIAN_MS = 120;
const SPREAD = 0.7;
const FAILS = 0.001;
const READ_MS = 40;

/** Workers KV, which counts. It keeps no more than will be read. */
export class CountingKv {
  readonly #clock: VirtualClock;
  readonly #tally: Tally;
  readonly #random: Random;
  readonly #outage: readonly [fromMs: number, toMs: number];
  /** The records of each execution that is wanted, by their names. */
  readonly #wanted = new Map<string, Map<string, Uint8Array>>();

  constructor(clock: VirtualClock, tally: Tally, random: Random, outage: readonly [number, number]) {
    this.#clock = clock;
    this.#tally = tally;
    this.#random = random;
    this.#outage = outage;
  }

  /** Tells later whether the ledger object that is there now still is: what it put cannot answer it then. */
  presence: () => () => boolean = () => () => true;

  /** Somebody may read this one from KV, until it is not wanted any more. */
  want(id: string): void {
    this.#wanted.set(id, new Map());
  }

  unwant(id: string): void {
    this.#wanted.delete(id);
  }

  /** What the ledger and the Worker are bound to. */
  readonly binding = {
    put: async (key: string, value: Uint8Array | ReadableStream) => {
      this.#tally.add('kvWrites');
      const bytes =
        value instanceof Uint8Array ? value : new Uint8Array(await new Response(value).arrayBuffer());
      const isOut = this.#isOut || this.#random.chance(FAILS);
      const isThere = this.presence();
      await this.#clock.pause(MEDIAN_MS * Math.exp(SPREAD * normal(this.#random)));
      if (!isThere()) return NEVER;
      if (isOut || this.#isOut) {
        this.#tally.add('kvWritesFailed');
        throw new Error('KV PUT failed: 500 Internal Server Error');
      }
      this.#recordsOf(key)?.set(key, bytes);
    },
    get: async (key: string) => {
      this.#tally.add('kvReads');
      await this.#clock.pause(READ_MS);
      if (this.#isOut) throw new Error('KV GET failed: 500 Internal Server Error');
      const bytes = this.#recordsOf(key)?.get(key);
      return bytes === undefined ? null : byteStream(bytes);
    },
    delete: async (key: string) => {
      this.#tally.add('kvDeletes');
      await this.#clock.pause(READ_MS);
      this.#recordsOf(key)?.delete(key);
    },
    list: async ({ prefix, limit }: { prefix: string; limit: number }) => {
      this.#tally.add('kvLists');
      await this.#clock.pause(READ_MS);
      if (this.#isOut) throw new Error('KV GET failed: 500 Internal Server Error');
      const names = [...(this.#recordsOf(prefix)?.keys() ?? [])].toSorted().slice(0, limit);
      return { keys: names.map((name) => ({ name })) };
    },
    getWithMetadata: () => Promise.reject(new Error('nobody asks for it')),
  };

  /** A record's name begins with its execution's, and a dot. */
  #recordsOf(name: string): Map<string, Uint8Array> | undefined {
    return this.#wanted.get(name.slice(0, name.indexOf('.')));
  }

  get #isOut(): boolean {
    const [from, to] = this.#outage;
    return this.#clock.now >= from && this.#clock.now < to;
  }
}

const NEVER = new Promise<never>(() => {});

function byteStream(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream({
    type: 'bytes',
    start: (controller) => {
      controller.enqueue(bytes.slice());
      controller.close();
    },
  });
}
