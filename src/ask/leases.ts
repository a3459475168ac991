/**
 * @module Recorded responses that an isolate may replay by itself for a moment, so that a storm of retries
 * ends here. Runs in: the Worker.
 */

import { pause } from '../deadline.ts';
import { log, textOf } from '../log.ts';
import type { AskedAnswer, LeaseGrant, LedgerAnswer } from '../protocol.ts';

/** A recorded response that is here whole, and may be given again for a while. */
type Leased = Extract<LedgerAnswer, { outcome: 'replayed' }> & {
  readonly body: Uint8Array;
  readonly lease: LeaseGrant;
};

/**
 * The execution that a request belongs to. A request that repeats it need not find it out again: two digests
 * less.
 */
interface Asked {
  readonly id: string;
  readonly shard: number;
  readonly keyHash: string;
}

interface Lease {
  readonly asked: Asked;
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
 * The responses that the ledger has just replayed, for storms of retries: with each of them comes a lease,
 * for whose time this isolate may replay it again by itself. The ledger keeps its part: what an operator
 * forgets is not forgotten before its leases have ended. A response is here opened, only for the request that
 * it answers, by its route and its fingerprint, which covers caller, key and all that is asked for; and is
 * let go when the next answer of the ledger finds its lease ended.
 */
export class Leases {
  readonly #leases = new Map<string, Lease>();
  #bytes = 0;

  /** What is kept here takes so many bytes, about. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Keeps an answer of the ledger, if it is a replay that comes with a lease. `askedAt` is when the ledger
   * was asked.
   */
  keep(route: string, fingerprint: string, asked: Asked, answer: AskedAnswer, askedAt: number): void {
    const request = nameOf(route, fingerprint);
    this.#drop(request);
    if (isLeased(answer) && answer.body.byteLength <= BODY_MAX_BYTES) {
      const endsAt = Math.min(askedAt + answer.lease.ms, answer.expiresAt);
      const size = sizeOf(answer);
      this.#leases.set(request, { asked, answer, size, endsAt, replays: 0 });
      this.#bytes += size;
    }
    // Leases are about as long as each other, so the oldest end first.
    for (const [oldest, lease] of this.#leases) {
      if (this.#bytes <= ALL_MAX_BYTES && lease.endsAt > askedAt) break;
      this.#drop(oldest);
    }
  }

  /**
   * The response to a request that repeats one just replayed; `null` where the ledger has to be asked.
   * `count` is called once for each lease, at its end, with how often its response was given; the returned
   * promise settles when that is done.
   */
  replay(
    route: string,
    fingerprint: string,
    count: (asked: Asked, lease: LeaseGrant, replays: number) => Promise<void>,
  ): { answer: Leased; asked: Asked; counted: Promise<void> | null } | null {
    const lease = this.#leases.get(nameOf(route, fingerprint));
    const now = Date.now();
    if (lease === undefined || lease.endsAt <= now) return null;
    lease.replays += 1;
    const { answer, asked } = lease;
    return { answer, asked, counted: lease.replays === 1 ? countAtEnd(lease, now, count) : null };
  }

  #drop(request: string): void {
    const lease = this.#leases.get(request);
    if (lease === undefined) return;
    this.#leases.delete(request);
    this.#bytes -= lease.size;
  }
}

/** A fingerprint has no space. */
function nameOf(route: string, fingerprint: string): string {
  return `${fingerprint} ${route}`;
}

async function countAtEnd(
  lease: Lease,
  now: number,
  count: (asked: Asked, lease: LeaseGrant, replays: number) => Promise<void>,
): Promise<void> {
  await pause(lease.endsAt - now);
  try {
    await count(lease.asked, lease.answer.lease, lease.replays);
  } catch (error) {
    const fields = { replays: lease.replays, reason: textOf(error), execution: lease.asked.id };
    log('warn', 'replays-not-counted', fields);
  }
}

function isLeased(answer: AskedAnswer): answer is Leased {
  return answer.outcome === 'replayed' && answer.body instanceof Uint8Array && answer.lease !== null;
}

function sizeOf({ head, body }: Leased): number {
  const fields = head.headers.reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  return body.byteLength + fields + LEASE_BYTES;
}
