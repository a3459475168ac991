import type { Random } from '../../../test/node/chaos/random.ts';
import type { Fate, Key } from './plan.ts';

/** One execution of a key, as the upstream knows it. */
export interface Run {
  readonly number: number;
  readonly startedAt: number;
  fate: Fate | 'running';
  endedAt: number;
}

/** What is known of a key while somebody may ask for it. */
export interface Story {
  readonly key: Key;
  readonly id: string;
  readonly secret: Uint8Array;
  runs: number;
  run: Run | null;
  /** The run whose result a client has seen. */
  seen: number | null;
  isRepeated: boolean;
}

/** Of a key that nobody has asked for yet. */
export function newStory(key: Key, random: Random): Story {
  const secret = new Uint8Array(32);
  for (let n = 0; n < secret.byteLength; n += 1) secret[n] = random.integer(0, 255);
  const id = secret.toBase64({ alphabet: 'base64url', omitPadding: true });
  return { key, id, secret, runs: 0, run: null, seen: null, isRepeated: false };
}
