/** @module Which execution a request belongs to. Runs in: the Worker. */

import { base64Url, sha256, sha512 } from './digest.ts';

/** Which execution a request belongs to, and what that execution's record is sealed with. */
export interface Identity {
  /** Names the execution, in the store and in logs. */
  readonly id: string;
  /** 32 bytes that nobody can have who does not know the caller's credentials and the idempotency key. */
  readonly secret: Uint8Array;
}

/** Names a caller in the store, without telling its credentials. */
export function callerId(route: string, scope: string): Promise<string> {
  return sha256(JSON.stringify(['caller', route, scope]));
}

const ID_BYTES = 32;

/**
 * One digest, SHA-512 over route, caller and key, gives both: its first half is public, its second half is
 * secret. To have the one without the other, one would have to guess the input.
 */
export async function identityOf(route: string, scope: string, key: string): Promise<Identity> {
  const digest = await sha512(JSON.stringify([route, scope, key]));
  return { id: base64Url(digest.subarray(0, ID_BYTES)), secret: digest.slice(ID_BYTES) };
}
