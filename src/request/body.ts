/** @module The request bodies of an isolate, read within limits. Runs in: the Worker, the ledger object. */

import { BodyBytes, type ReadFailure } from '../body-bytes.ts';
import { ByteBudget, type Hold } from '../budget.ts';
import { settlesWithin } from '../deadline.ts';
import { type IsolateMemory, isolateMemory, type MemoryUser } from '../isolate-memory.ts';
import type { MemoryTally } from '../memory-tally.ts';

/** How much of bodies an isolate takes, and for how long. */
export interface BodyLimits {
  /** A body that brings nothing for so long is given up. */
  readonly silenceMs: number;
  /** What all bodies that are here at the same time may take. */
  readonly heldBytes: number;
  /** How much of a body that is refused is read all the same, so that its client comes to read why. */
  readonly droppedBytes: number;
}

const MIB = 1024 * 1024;

/**
 * What is held in the Worker counts as well into what there is for all of its isolate: see isolate-memory.ts.
 */
export const BODY_LIMITS: BodyLimits = { silenceMs: 30_000, heldBytes: 40 * MIB, droppedBytes: 64 * MIB };

/** The body, or why there is none. */
export type BodyResult =
  | { readonly kind: 'body'; readonly bytes: BodyBytes }
  | { readonly kind: ReadFailure };

/**
 * A body that says that it is no larger is read in one go, and has to be here as soon as a larger one must
 * have brought something.
 */
const AT_ONCE_BYTES = 4 * 1024;

const DROP_BUFFER_BYTES = 64 * 1024;

/** The request bodies that one isolate reads. */
export class RequestBodies implements MemoryUser {
  readonly #limits: BodyLimits;
  readonly #budget: ByteBudget;

  constructor(limits: BodyLimits = BODY_LIMITS, isolate: IsolateMemory = isolateMemory) {
    this.#limits = limits;
    // Nobody hears of the end of a request whose client has left; that its body is silent for so long tells.
    this.#budget = new ByteBudget(limits.heldBytes, isolate, 2 * limits.silenceMs);
    isolate.join(Symbol('worker'), this);
  }

  get tally(): MemoryTally {
    return this.#budget.tally;
  }

  /** Whose a body is may not be known before it is here. */
  heldBy(): number {
    return 0;
  }

  /** What the bodies that are here take. */
  get heldBytes(): number {
    return this.#budget.heldBytes;
  }

  /**
   * Reads a request's whole body, but no more than `maxBytes` of it. One that turns out to be too large, or
   * that there is no room for, is dropped; one that says so at once is left unread. Never rejects.
   */
  async read(request: Request, maxBytes: number): Promise<BodyResult> {
    const declaredBytes = declaredLength(request);
    if (declaredBytes !== null && declaredBytes > maxBytes) return { kind: 'too-large' };
    const { silenceMs } = this.#limits;
    const room = this.#budget.hold();
    if (isReadAtOnce(declaredBytes)) return readAtOnce(request, room, silenceMs);
    if (request.body === null) return { kind: 'body', bytes: BodyBytes.of(new Uint8Array(0)) };
    const reader = request.body.getReader({ mode: 'byob' });
    const read = await BodyBytes.read(reader, { maxBytes, declaredBytes, room, silenceMs });
    if (read instanceof BodyBytes) return { kind: 'body', bytes: read };
    if (read === 'silent') end(reader);
    else await this.#drop(reader);
    return { kind: read };
  }

  /**
   * Reads the body of a request that was answered without it, and keeps none of it. A client that is still
   * sending when its connection is closed sees it broken, and may never read the answer (RFC 9112 §9.6).
   * Never rejects.
   */
  async drop(request: Request): Promise<void> {
    // A client that asked first has not sent anything (RFC 9110 §10.1.1).
    if (!isUnread(request) || request.body === null || expectsContinue(request)) return;
    await this.#drop(request.body.getReader({ mode: 'byob' }));
  }

  async #drop(reader: ReadableStreamBYOBReader): Promise<void> {
    const { silenceMs, droppedBytes } = this.#limits;
    try {
      let buffer = new Uint8Array(DROP_BUFFER_BYTES);
      for (let dropped = 0; dropped <= droppedBytes; ) {
        const read = reader.read(buffer);
        if (!(await settlesWithin(read, silenceMs))) break;
        const { done, value } = await read;
        if (done || value === undefined) return;
        dropped += value.byteLength;
        buffer = new Uint8Array(value.buffer);
      }
    } catch {
      // The client has left.
    }
    end(reader);
  }
}

/** Whether a body takes its room while it comes. One that is read at once takes it when it is here. */
export function isHeldWhileRead(request: Request): boolean {
  return !isReadAtOnce(declaredLength(request));
}

function isReadAtOnce(declaredBytes: number | null): boolean {
  return declaredBytes !== null && declaredBytes <= AT_ONCE_BYTES;
}

/**
 * Whether a request has a body that nobody has begun to read. To ask for the body makes a stream of it, so
 * that comes last.
 */
export function isUnread(request: Request): boolean {
  return !request.bodyUsed && request.body !== null && !request.body.locked;
}

/** The request with another body, such as the one that was read from it. */
export function withBody(request: Request, body: BodyInit | null): Request {
  const { url, method, headers, cf } = request;
  return new Request(url, { method, headers, body, redirect: 'manual', ...(cf && { cf: { ...cf } }) });
}

/**
 * Leaves the reading to the runtime, which costs a fraction of what a stream does. Nothing is held until it
 * is here, so that nothing is held on to when the client leaves before.
 */
async function readAtOnce(request: Request, room: Hold, silenceMs: number): Promise<BodyResult> {
  try {
    const read = request.arrayBuffer();
    if (!(await settlesWithin(read, silenceMs))) return { kind: 'silent' };
    const bytes = new Uint8Array(await read);
    return room.grow(bytes.byteLength)
      ? { kind: 'body', bytes: BodyBytes.of(bytes, room) }
      : { kind: 'no-room' };
  } catch {
    return { kind: 'broken-off' };
  }
}

/** Not awaited: a client that says nothing may not end either. */
function end(reader: ReadableStreamBYOBReader): void {
  reader.cancel().catch(() => {});
}

function declaredLength(request: Request): number | null {
  const field = request.headers.get('content-length');
  return field === null ? null : Number(field);
}

function expectsContinue(request: Request): boolean {
  return request.headers.get('expect')?.toLowerCase() === '100-continue';
}
