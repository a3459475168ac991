/** @module Seals what is stored. Runs in: the Worker, the ledger object. */

/**
 * Seals what is stored of a response, so that nobody reads it who cannot present the caller's credentials and
 * the idempotency key. Neither is stored.
 *
 * The key is the secret that the Worker derives from both: 256 bits of a digest that nothing else uses. The
 * parts of a record (its head, the pieces of its body) are sealed with AES-256-GCM. A nonce is 64 random
 * bits, one value for each record and stored with it, and 32 bits of the part's position. A record seals each
 * position once, and a secret seals as many records as its key has runs: for a nonce to come twice, two of
 * those few would have to draw the same 64 bits. A part that was moved does not open; and that none is
 * missing follows from the size in the head.
 */
export const SALT_BYTES = 8;
const POSITION_BYTES = 4;

/** How much longer a sealed part is than what it holds: the tag of AES-GCM. */
export const SEAL_BYTES = 16;

/** The position of a record's head; the nth piece of its body, from 0, is at n + 1. */
export const HEAD_POSITION = 0;

const PURPOSE = new TextEncoder().encode('oncegate record 1');

/** Seals and opens the parts of one record. */
export class Seal {
  /** What its nonces begin with. Stored with the record, in the clear. */
  readonly salt: Uint8Array;
  readonly #key: CryptoKey;

  private constructor(salt: Uint8Array, key: CryptoKey) {
    this.salt = salt;
    this.#key = key;
  }

  /** The seal of a new record. */
  static create(secret: Uint8Array): Promise<Seal> {
    return Seal.of(secret, crypto.getRandomValues(new Uint8Array(SALT_BYTES)));
  }

  /** The seal of the record that has this salt. */
  static async of(secret: Uint8Array, salt: Uint8Array): Promise<Seal> {
    const key = await crypto.subtle.importKey('raw', secret, 'AES-GCM', false, ['encrypt', 'decrypt']);
    return new Seal(salt, key);
  }

  /** Seals the part of a record at this position. To be called once for each. */
  async seal(position: number, part: Uint8Array): Promise<Uint8Array> {
    return new Uint8Array(await crypto.subtle.encrypt(this.#parameters(position), this.#key, part));
  }

  /**
   * Opens a sealed part. Rejects where it is damaged, belongs elsewhere, or was sealed with another secret.
   */
  async open(position: number, sealed: Uint8Array): Promise<Uint8Array> {
    return new Uint8Array(await crypto.subtle.decrypt(this.#parameters(position), this.#key, sealed));
  }

  #parameters(position: number) {
    const iv = new Uint8Array(SALT_BYTES + POSITION_BYTES);
    iv.set(this.salt);
    new DataView(iv.buffer).setUint32(SALT_BYTES, position);
    return { name: 'AES-GCM', iv, additionalData: PURPOSE };
  }
}
