/**
 * Seals what is stored of a response, so that nobody reads it who cannot present the caller's credentials and the
 * idempotency key. Neither is stored.
 *
 * Each record has a key of its own: HKDF-SHA-256 (RFC 5869) over the secret that the Worker derives from both, with a
 * random salt that is stored with the record. The parts of a record (its head, the pieces of its body) are sealed with
 * AES-256-GCM, each under its position, as nonce and as additional data. A key seals each position once, so no nonce
 * ever comes twice; a part that was moved does not open; and that none is missing follows from the size in the head.
 */
export const SALT_BYTES = 16;
const NONCE_BYTES = 12;

/** How much longer a sealed part is than what it holds: the tag of AES-GCM. */
export const SEAL_BYTES = 16;

/** The position of a record's head; the nth piece of its body, from 0, is at n + 1. */
export const HEAD_POSITION = 0;

const encoder = new TextEncoder();
const PURPOSE = encoder.encode('oncegate record 1');

export class Seal {
  /** Stored with the record, in the clear. */
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
    const base = await crypto.subtle.importKey('raw', secret, 'HKDF', false, ['deriveKey']);
    const key = await crypto.subtle.deriveKey(
      { name: 'HKDF', hash: 'SHA-256', salt, info: PURPOSE },
      base,
      { name: 'AES-GCM', length: 256 },
      false,
      ['encrypt', 'decrypt'],
    );
    return new Seal(salt, key);
  }

  /** Seals the part of a record at this position. To be called once for each. */
  async seal(position: number, part: Uint8Array): Promise<Uint8Array> {
    return new Uint8Array(await crypto.subtle.encrypt(parameters(position), this.#key, part));
  }

  /** Opens a sealed part. Rejects where it is damaged, belongs elsewhere, or was sealed with another secret. */
  async open(position: number, sealed: Uint8Array): Promise<Uint8Array> {
    return new Uint8Array(await crypto.subtle.decrypt(parameters(position), this.#key, sealed));
  }
}

function parameters(position: number) {
  const iv = new Uint8Array(NONCE_BYTES);
  new DataView(iv.buffer).setUint32(NONCE_BYTES - 4, position);
  return { name: 'AES-GCM', iv, additionalData: encoder.encode(`oncegate:${position}`) };
}
