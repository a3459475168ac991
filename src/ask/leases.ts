import { pause } from '../deadline.ts';
import { log, textOf } from '../log.ts';
import type { AskedAnswer, LeaseGrant, LedgerAnswer } from '../protocol.ts';

/** A recorded response that is here whole, and may be given again for a while. */
type Leased = Extract<LedgerAnswer, { outcome: 'replayed' }> & {
  readonly body: Uint8Array;
  readonly lease: LeaseGrant;
};

/** What is kept of the request that was answered. */
interface LeasedRequest {
  readonly fingerprint: string;
  /** It follows from the execution's id: one digest less for each replay. */
  readonly keyHash: string;
}

interface Lease extends LeasedRequest {
  readonly answer: Leased;
  /** What the response takes here in bytes, about. */
  readonly size: number;
  /** Milliseconds since the epoch. */
  readonly endsAt: number;
  replays: number;
}

/** A larger response is asked for anew each time. */
const BODY_MAX_BYTES = 64 * 1024;
/** What all responses here may take together, of the 128 MB that an isolate has. */
const ALL_MAX_BYTES = 8 * 1024 * 1024;
/** What a response takes beside its body and its fields, about. */
const LEASE_BYTES = 512;

/**
 * The responses that the ledger has just replayed, for storms of retries: with each of them comes a lease, for whose time
 * this isolate may replay it again by itself. The ledger keeps its part: what an operator forgets is not forgotten before
 * its leases have ended. A response is here opened, only for the request whose caller, key and fingerprint it answers, and
 * is let go when the next answer of the ledger finds its lease ended.
 */
export class Leases {
  readonly #leases = new Map<string, Lease>();
  #bytes = 0;

  /** What is kept here takes so many bytes, about. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Keeps an answer of the ledger, if it is a replay that comes with a lease. `askedAt` is when the ledger was asked. */
  keep(id: string, request: LeasedRequest, answer: AskedAnswer, askedAt: number): void {
    this.#drop(id);
    if (isLeased(answer) && answer.body.byteLength <= BODY_MAX_BYTES) {
      const endsAt = Math.min(askedAt + answer.lease.ms, answer.expiresAt);
      const size = sizeOf(answer);
      this.#leases.set(id, { ...request, answer, size, endsAt, replays: 0 });
      this.#bytes += size;
    }
    // Leases are about as long as each other, so the oldest end first.
    for (const [oldest, lease] of this.#leases) {
      if (this.#bytes <= ALL_MAX_BYTES && lease.endsAt > askedAt) break;
      this.#drop(oldest);
    }
  }

  /**
   * The response to a request that repeats one just replayed; `null` where the ledger has to be asked. `count` is called
   * once for each lease, at its end, with how often its response was given; the returned promise settles when that is done.
   */
  replay(
    id: string,
    fingerprint: string,
    count: (lease: LeaseGrant, replays: number) => Promise<void>,
  ): { answer: Leased; keyHash: string; counted: Promise<void> | null } | null {
    const lease = this.#leases.get(id);
    const now = Date.now();
    if (lease === undefined || lease.fingerprint !== fingerprint || lease.endsAt <= now) return null;
    lease.replays += 1;
    const { answer, keyHash } = lease;
    return { answer, keyHash, counted: lease.replays === 1 ? countAtEnd(lease, now, count) : null };
  }

  #drop(id: string): void {
    const lease = this.#leases.get(id);
    if (lease === undefined) return;
    this.#leases.delete(id);
    this.#bytes -= lease.size;
  }
}

async function countAtEnd(
  lease: Lease,
  now: number,
  count: (lease: LeaseGrant, replays: number) => Promise<void>,
): Promise<void> {
  await pause(lease.endsAt - now);
  try {
    await count(lease.answer.lease, lease.replays);
  } catch (error) {
    log('warn', 'replays-not-counted', { replays: lease.replays, reason: textOf(error) });
  }
}

function isLeased(answer: AskedAnswer): answer is Leased {
  return answer.outcome === 'replayed' && answer.body instanceof Uint8Array && answer.lease !== null;
}

function sizeOf({ head, body }: Leased): number {
  const fields = head.headers.reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  return body.byteLength + fields + LEASE_BYTES;
}
