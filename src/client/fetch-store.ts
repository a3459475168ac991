/** @module A call that is answered from a store, or runs and is recorded there. Runs in: any runtime. */

import { until } from './abort.ts';
import type { KeyedCall } from './call.ts';
import { callerOf } from './caller.ts';
import { checkText } from './checks.ts';
import { collect } from './collect.ts';
import { KeyReusedError } from './errors.ts';
import { deterministicKey, requestKey } from './keys.ts';
import type { Settings } from './options.ts';
import { withBody } from './response.ts';
import { SingleFlight } from './single-flight.ts';
import type { ResultStore } from './store.ts';
import {
  decodeStored,
  encodeStored,
  type Identity,
  MAX_RECORD_BYTES,
  type StoredResponse,
  storedFrom,
  toResponse,
} from './stored-response.ts';

interface Run {
  readonly identity: Identity;
  readonly outcome: Promise<StoredResponse>;
}

interface Lead {
  /** The response as it comes, for the call that started the run. */
  readonly live: Response;
  /** The whole of it, for calls that joined. */
  readonly outcome: Promise<StoredResponse>;
}

const running = new SingleFlight<Run>();

/**
 * Answers a call from the store, joins it to a run of the same key, or runs it and records its success.
 *
 * As with the gateway, a caller that goes away does not stop a run: its request may have taken effect
 * already, and its retry should find the result. So the run has no signal of its own, and each caller's
 * signal ends only that caller's waiting and reading. What is recorded is on record before the last byte is
 * handed out.
 */
export async function fetchThroughStore(
  call: KeyedCall,
  store: ResultStore,
  settings: Settings,
  send: (call: KeyedCall) => Promise<Response>,
): Promise<Response> {
  const { key, signal } = call;
  const { name, identity } = await recordOf(call, settings);

  const joined = running.get(store, name);
  if (joined) {
    checkSame(key, joined.identity, identity);
    return replay(key, await until(joined.outcome, signal), settings);
  }

  const leading = lead();
  const outcome = leading.then((started) => started.outcome);
  running.add(store, name, { identity, outcome }, outcome);
  const { live } = await until(leading, signal);
  return live;

  async function lead(): Promise<Lead> {
    const bytes = await store.get(name);
    if (bytes) {
      const stored = decodeStored(bytes);
      checkSame(key, stored, identity);
      return { live: replay(key, stored, settings), outcome: Promise.resolve(stored) };
    }
    const response = await send({ ...call, signal: undefined });
    if (response.body === null) {
      const empty = await record(storedFrom(response, new Uint8Array(), identity));
      return { live: response, outcome: Promise.resolve(empty) };
    }
    const [forCaller, forRecord] = response.body.tee();
    const outcome = readWhole(forRecord).then(
      (body) => record(storedFrom(response, body, identity)),
      (error) => {
        if (response.ok && error instanceof RangeError) settings.onUnrecorded?.({ key, error });
        throw error;
      },
    );
    return { live: withBody(response, endingAfter(outcome, forCaller, signal)), outcome };
  }

  async function record(stored: StoredResponse): Promise<StoredResponse> {
    if (stored.status < 200 || stored.status > 299) return stored;
    try {
      await store.set(name, encodeStored(stored));
    } catch (error) {
      // It was executed: to fail now would only invite a repeat.
      settings.onUnrecorded?.({ key, error });
    }
    return stored;
  }
}

/** Where the store keeps the call's response, and what that has to be the response to. */
async function recordOf(call: KeyedCall, settings: Settings): Promise<{ name: string; identity: Identity }> {
  const { key, url, request } = call;
  const caller = settings.caller
    ? { name: { caller: checkText('caller', await settings.caller(request)) }, bound: null }
    : callerOf(request.headers, settings.keyHeader);
  const [name, fingerprint] = await Promise.all([
    deterministicKey('oncegate/fetch', new URL(url).origin, caller.name, key),
    requestKey(request),
  ]);
  // With the name in it, equal cookies of two callers do not look equal in the store.
  const bound = caller.bound && (await deterministicKey('oncegate/bound', name, caller.bound));
  return { name, identity: { fingerprint, bound } };
}

function checkSame(key: string, known: Identity, asked: Identity): void {
  if (known.fingerprint !== asked.fingerprint) throw new KeyReusedError(key, 'other-request');
  if (known.bound !== asked.bound) throw new KeyReusedError(key, 'other-credentials');
}

function replay(key: string, stored: StoredResponse, settings: Settings): Response {
  const response = toResponse(stored);
  if (response.ok) settings.onReplay?.({ key, response, from: 'store' });
  return response;
}

/**
 * The caller's own copy of a body, at the caller's own pace. Its end waits for the record, so whoever saw the
 * end can have it replayed.
 */
function endingAfter(
  outcome: Promise<unknown>,
  body: ReadableStream<Uint8Array>,
  signal: AbortSignal | undefined,
): ReadableStream<Uint8Array> {
  const recorded = outcome.then(
    () => {},
    () => {},
  );
  const gate = new TransformStream<Uint8Array, Uint8Array>({ flush: () => recorded });
  return body.pipeThrough(gate, signal ? { signal } : {});
}

/**
 * Reads on whether the caller does or not; what the caller has not read yet waits in memory, a record at
 * most.
 */
async function readWhole(body: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<Uint8Array<ArrayBuffer>> {
  const reader = body.getReader();
  const tooLong = () =>
    new RangeError(`The response is longer than the ${MAX_RECORD_BYTES} bytes that are recorded.`);
  return collect(() => reader.read(), MAX_RECORD_BYTES, tooLong).catch((error) => {
    // Not awaited: a branch of a tee settles only when both have ended.
    reader.cancel().catch(() => {});
    throw error;
  });
}
