/** @module Whether two runs of bytes are the same, by length and checksum. Runs in: any runtime. */

/**
 * Remembers a run of bytes by its length and a 64-bit checksum, however it was cut into chunks, so that two
 * runs can be compared without keeping either. Proof against accidents, not against an attacker: who could
 * forge a prefix could forge the whole response.
 */
export class Prefix {
  #byteLength = 0;
  #low = 0x811c9dc5;
  #high = 0x1b873593;

  get byteLength(): number {
    return this.#byteLength;
  }

  add(bytes: Uint8Array): void {
    let low = this.#low;
    let high = this.#high;
    for (const byte of bytes) {
      low = Math.imul(low ^ byte, 0x01000193);
      high = Math.imul(high ^ byte, 0x5bd1e995);
      high ^= high >>> 15;
    }
    this.#low = low;
    this.#high = high;
    this.#byteLength += bytes.byteLength;
  }

  equals(other: Prefix): boolean {
    return this.#byteLength === other.#byteLength && this.#low === other.#low && this.#high === other.#high;
  }
}
