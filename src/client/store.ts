/**
 * @module What a store of results is, and `once`, which runs something for a key at most once.
 * Runs in: any runtime.
 */

import { SingleFlight } from './single-flight.ts';

/**
 * Results by key, as bytes. {@link MemoryStore} and `SqliteStore` are two; any key-value store makes a third.
 *
 * A result, once set, is what `get` gives until its time is up. A store may forget earlier; it must not give
 * back other bytes than were set. Errors it throws reach the caller: before a run nothing is sent, after it
 * the result is handed out unrecorded.
 *
 * @example
 * ```ts
 * const redisStore: ResultStore = {
 *   get: async (key) => (await redis.getBuffer(key)) ?? undefined,
 *   set: async (key, value) => void (await redis.set(key, value, 'EX', 86_400)),
 * };
 * ```
 */
export interface ResultStore {
  /** The result recorded under this key, or `undefined` when there is none or its time is up. */
  get(key: string): Promise<Uint8Array | undefined>;
  /** Records a result. It is kept when the promise resolves, as durably as the store promises. */
  set(key: string, value: Uint8Array): Promise<void>;
}

/** What {@link once} gives: the value, and whether it comes from an earlier run. */
export interface OnceResult<Value> {
  readonly value: Value;
  /** `true` when recorded by an earlier run or shared with one going on, `false` when this call ran it. */
  readonly replayed: boolean;
}

const running = new SingleFlight<Promise<OnceResult<unknown>>>();

/**
 * Runs `run` once per key: a recorded result is returned instead, and concurrent calls with one key share one
 * run. A run that throws records nothing, so the next call runs again; everyone who shared it gets its error.
 *
 * The result is recorded as JSON before it is returned, so give plain data back. Runs are shared within one
 * process; two processes with one durable store may both run a key that neither has finished.
 *
 * @throws {TypeError} the result is not JSON (it was executed, but cannot be recorded)
 *
 * @example
 * ```ts
 * const store = new MemoryStore({ ttlMs: 3_600_000 });
 * const { value } = await once(store, `welcome-mail:${user.id}`, () => sendWelcomeMail(user));
 * ```
 */
export async function once<Value>(
  store: ResultStore,
  key: string,
  run: () => Value | Promise<Value>,
): Promise<OnceResult<Value>> {
  const joined = running.get(store, key);
  // A key names one operation, so the run found under it has this call's type.
  if (joined) return { value: (await joined).value as Value, replayed: true };
  const mine = recallOrRun(store, key, run);
  running.add(store, key, mine, mine);
  return mine;
}

async function recallOrRun<Value>(
  store: ResultStore,
  key: string,
  run: () => Value | Promise<Value>,
): Promise<OnceResult<Value>> {
  const recorded = await store.get(key);
  if (recorded) return { value: JSON.parse(new TextDecoder().decode(recorded)), replayed: true };
  const value = await run();
  await store.set(key, new TextEncoder().encode(toJson(key, value)));
  return { value, replayed: false };
}

function toJson(key: string, value: unknown): string {
  let text: string | undefined;
  let cause: unknown;
  try {
    // Nothing to give back is a result too, and the one JSON has no word for.
    text = JSON.stringify(value === undefined ? null : value);
  } catch (error) {
    cause = error;
  }
  if (text !== undefined) return text;
  throw new TypeError(`The result of ${key} cannot be recorded: it is not JSON.`, { cause });
}
