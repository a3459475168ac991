import { log, textOf } from '../log.ts';
import type { AskedAnswer } from './ask.ts';
import type { LedgerAnswer } from './call.ts';

/** A recorded response that is here whole. */
type Replayed = Extract<LedgerAnswer, { outcome: 'replayed' }> & { readonly body: Uint8Array };

/** The request that was answered. */
interface Repeated {
  readonly fingerprint: string;
  /** Kept as well, as it follows from the execution's id: one digest less for each replay. */
  readonly keyHash: string;
}

interface Lease extends Repeated {
  readonly answer: Replayed;
  /** Milliseconds since the epoch. */
  readonly endsAt: number;
  replays: number;
}

/** A larger response is asked for anew each time. */
const BODY_MAX_BYTES = 64 * 1024;
/** What all responses here may take together, of the 128 MB that an isolate has. */
const ALL_MAX_BYTES = 8 * 1024 * 1024;
/** What a response takes beside its body, about. */
const HEAD_BYTES = 1024;

/**
 * The responses that the ledger has just replayed, for storms of retries: with each of them comes a lease, for whose time
 * this isolate may replay it again by itself. The ledger keeps its part: what an operator forgets is not forgotten before
 * its leases have ended. Opened responses are kept here for that long, and each only for the request whose caller, key and
 * fingerprint it answers.
 */
export class Leases {
  readonly #leases = new Map<string, Lease>();
  #bytes = 0;

  /** Keeps an answer of the ledger, if it is a replay that comes with a lease. `askedAt` is when the ledger was asked. */
  keep(id: string, repeated: Repeated, answer: AskedAnswer, askedAt: number): void {
    this.#drop(id);
    if (!isWholeReplay(answer) || answer.body.byteLength > BODY_MAX_BYTES) return;
    const endsAt = Math.min(askedAt + answer.leaseMs, answer.expiresAt);
    this.#bytes += sizeOf(answer);
    this.#leases.set(id, { ...repeated, answer, endsAt, replays: 0 });
    for (const [oldest, lease] of this.#leases) {
      if (this.#bytes <= ALL_MAX_BYTES && lease.endsAt > askedAt) break;
      this.#drop(oldest);
    }
  }

  /**
   * The response to a request that repeats one just replayed; `null` where the ledger has to be asked. `report` is called
   * once for each lease, at its end, with how often its response was given; the returned promise settles when that is done.
   */
  replay(
    id: string,
    fingerprint: string,
    report: (replays: number) => Promise<void>,
  ): { answer: Replayed; keyHash: string; reported: Promise<void> | null } | null {
    const lease = this.#leases.get(id);
    const now = Date.now();
    if (lease === undefined || lease.fingerprint !== fingerprint || lease.endsAt <= now) return null;
    lease.replays += 1;
    const { answer, keyHash } = lease;
    return { answer, keyHash, reported: lease.replays === 1 ? reportAtEnd(lease, now, report) : null };
  }

  #drop(id: string): void {
    const lease = this.#leases.get(id);
    if (lease === undefined) return;
    this.#leases.delete(id);
    this.#bytes -= sizeOf(lease.answer);
  }
}

async function reportAtEnd(
  lease: Lease,
  now: number,
  report: (replays: number) => Promise<void>,
): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, lease.endsAt - now));
  try {
    await report(lease.replays);
  } catch (error) {
    log('warn', 'replays-not-counted', { replays: lease.replays, reason: textOf(error) });
  }
}

function isWholeReplay(answer: AskedAnswer): answer is Replayed {
  return answer.outcome === 'replayed' && answer.body instanceof Uint8Array && answer.leaseMs > 0;
}

function sizeOf(answer: Replayed): number {
  return answer.body.byteLength + HEAD_BYTES;
}
