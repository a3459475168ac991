import { BodyBytes, type ReadFailure } from '../body-bytes.ts';
import { ByteBudget } from '../budget.ts';
import { settlesWithin } from '../deadline.ts';

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
 * An isolate has 128 MB. A ledger object may share it, with as much for its runs (`OBJECT_BODIES_BYTES`); some 10 MB are code and
 * heap, 8 MiB recorded responses that are replayed from here, and the rest is for what is passing through.
 */
export const BODY_LIMITS: BodyLimits = { silenceMs: 30_000, heldBytes: 40 * MIB, droppedBytes: 64 * MIB };

export type BodyResult =
  | { readonly kind: 'body'; readonly bytes: BodyBytes }
  | { readonly kind: ReadFailure };

const DROP_BUFFER_BYTES = 64 * 1024;

/** The request bodies that one isolate reads. */
export class RequestBodies {
  readonly #limits: BodyLimits;
  readonly #budget: ByteBudget;

  constructor(limits: BodyLimits = BODY_LIMITS) {
    this.#limits = limits;
    // Nobody hears of the end of a request whose client has left; that its body is silent for so long tells.
    this.#budget = new ByteBudget(limits.heldBytes, 2 * limits.silenceMs);
  }

  /** What the bodies that are here take. */
  get heldBytes(): number {
    return this.#budget.heldBytes;
  }

  /**
   * Reads a request's whole body, but no more than `maxBytes` of it. A body that is too large, or that there is no room for, is
   * left where it is, to be dropped. Never rejects.
   */
  async read(request: Request, maxBytes: number): Promise<BodyResult> {
    if (request.body === null) return { kind: 'body', bytes: BodyBytes.of(new Uint8Array(0)) };
    const declaredBytes = declaredLength(request);
    if (declaredBytes !== null && declaredBytes > maxBytes) return { kind: 'too-large' };
    const reader = request.body.getReader({ mode: 'byob' });
    const { silenceMs } = this.#limits;
    const room = this.#budget.hold();
    const read = await BodyBytes.read(reader, { maxBytes, declaredBytes, room, silenceMs });
    if (read instanceof BodyBytes) return { kind: 'body', bytes: read };
    if (read === 'silent') end(reader);
    else reader.releaseLock();
    return { kind: read };
  }

  /**
   * Reads what is left of a body that is refused, and keeps none of it. A client that is still sending when its connection is
   * closed sees it broken, and may never read the answer (RFC 9112 §9.6). Never rejects.
   */
  async drop(request: Request): Promise<void> {
    if (request.body === null || !isUnread(request)) return;
    // A client that asked first has not sent anything (RFC 9110 §10.1.1).
    if (expectsContinue(request)) return;
    const reader = request.body.getReader({ mode: 'byob' });
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

/** Whether a request has a body that nobody has begun to read, or that was left in the middle. */
export function isUnread({ body }: Request): boolean {
  return body !== null && !body.locked;
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
