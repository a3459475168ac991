/** @module A store of results in memory. Runs in: any runtime. */

import { checkInteger } from './checks.ts';
import type { ResultStore } from './store.ts';

/** Options of {@link MemoryStore}. */
export interface MemoryStoreOptions {
  /** How long a result is kept, in milliseconds. Default 86 400 000, a day. */
  readonly ttlMs?: number;
  /** Most results kept. Default 10 000. */
  readonly maxEntries?: number;
  /** Most bytes kept, over all results. Default 67 108 864. */
  readonly maxBytes?: number;
}

const DEFAULT_TTL_MS = 86_400_000;
const DEFAULT_MAX_ENTRIES = 10_000;
const DEFAULT_MAX_BYTES = 67_108_864;

/**
 * Results in this process's memory, for as long as it lives. When it is full, the oldest results make room,
 * before their time is up: size it for what one `ttlMs` brings.
 *
 * @throws {TypeError} an option that makes no sense
 *
 * @example
 * ```ts
 * const store = new MemoryStore({ ttlMs: 600_000, maxEntries: 500 });
 * const fetchOnce = idempotentFetch({ store, key: requestKey });
 * ```
 */
export class MemoryStore implements ResultStore {
  readonly #ttlMs: number;
  readonly #maxEntries: number;
  readonly #maxBytes: number;
  /** In the order in which they were set, which is the order in which they expire. */
  readonly #entries = new Map<string, { readonly value: Uint8Array; readonly expiresAt: number }>();
  #bytes = 0;

  constructor(options: MemoryStoreOptions = {}) {
    this.#ttlMs = checkInteger('ttlMs', options.ttlMs ?? DEFAULT_TTL_MS, 1);
    this.#maxEntries = checkInteger('maxEntries', options.maxEntries ?? DEFAULT_MAX_ENTRIES, 1);
    this.#maxBytes = checkInteger('maxBytes', options.maxBytes ?? DEFAULT_MAX_BYTES, 1);
  }

  /** Results held now. */
  get size(): number {
    this.#dropExpired();
    return this.#entries.size;
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    this.#dropExpired();
    return this.#entries.get(key)?.value.slice();
  }

  /** @throws {RangeError} the result alone is larger than `maxBytes` */
  async set(key: string, value: Uint8Array): Promise<void> {
    if (value.byteLength > this.#maxBytes) {
      throw new RangeError(`A result of ${value.byteLength} bytes is over maxBytes (${this.#maxBytes}).`);
    }
    this.#remove(key);
    this.#dropExpired();
    this.#entries.set(key, { value: value.slice(), expiresAt: Date.now() + this.#ttlMs });
    this.#bytes += value.byteLength;
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#maxEntries && this.#bytes <= this.#maxBytes) break;
      this.#remove(oldest);
    }
  }

  /** Forgets a result; a key that is not there is no error. */
  async delete(key: string): Promise<void> {
    this.#remove(key);
  }

  #dropExpired(): void {
    const now = Date.now();
    for (const [key, { expiresAt }] of this.#entries) {
      if (expiresAt > now) break;
      this.#remove(key);
    }
  }

  #remove(key: string): void {
    this.#bytes -= this.#entries.get(key)?.value.byteLength ?? 0;
    this.#entries.delete(key);
  }
}
