/** @module Answers with recorded responses, and lends them to Workers. Runs in: the ledger object. */

import type { LeaseGrant, LedgerAnswer, LedgerCall, NoRoom } from '../protocol.ts';
import { piecesOf } from '../record/format.ts';
import type { Readers } from '../record/readers.ts';
import {
  DamagedRecordError,
  openBody,
  openPreamble,
  reportBrokenOff,
  reportDamage,
} from '../record/record.ts';
import type { Counts } from './store/counts.ts';
import type { Holds } from './store/holds.ts';
import type { Pieces } from './store/pieces.ts';
import type { CompletedRow } from './store/row.ts';
import type { Rows } from './store/rows.ts';
import { partiesOf } from './usage.ts';

/**
 * For how long a Worker may replay by itself what it was given. Long enough for a storm of retries, short
 * enough to wait for when an execution is forgotten.
 */
const LEASE_MS = 2_000;
/** A Worker looks at the clock before it answers, and its clock stands still while it computes. */
const LEASE_GRACE_MS = 250;

/** What a replay has to know of the request that it answers. */
export type ReplayCall = Pick<
  LedgerCall,
  'id' | 'secret' | 'caller' | 'address' | 'method' | 'path' | 'trace'
>;

/** What replays take from the object. */
export interface ReplayParts {
  readonly rows: Rows;
  readonly pieces: Pieces;
  readonly holds: Holds;
  readonly readers: Readers;
  readonly counts: Counts;
}

/** Answers with recorded responses, and lends them to the Workers that asked. */
export class Replays {
  readonly #parts: ReplayParts;
  /**
   * When the last lease ends. An earlier life of the object may have given one just before this one began.
   */
  #leasedUntil = Date.now() + LEASE_MS;

  constructor(parts: ReplayParts) {
    this.#parts = parts;
  }

  /**
   * `null` where the record is damaged, which the operator is told of; why not where there is no room for
   * another reader.
   */
  async replay(row: CompletedRow, call: ReplayCall): Promise<LedgerAnswer | NoRoom | null> {
    const { seq, size, completedAt, expiresAt } = row;
    // Not the whole call, whose body would stay for as long as somebody reads.
    const { id, method, path, trace } = call;
    const { rows, pieces, holds, readers } = this.#parts;
    // Before anything is awaited: what is forgotten meanwhile has to wait for it.
    const lease = this.#lease(seq);
    if (row.place === 'results') {
      this.count(row, 1);
      return { outcome: 'archived', id: row.id, completedAt, expiresAt, lease };
    }
    const last = piecesOf(size) - 1;
    const reader = last > 0 ? readers.enter(partiesOf(call)) : null;
    if (typeof reader === 'string') return reader;
    // The pieces stay here until the reader is done with them.
    const letGo = holds.hold(seq);
    const release = () => {
      letGo();
      reader?.leave();
    };
    try {
      const { preamble, rest } = row.parts ?? rows.record(seq);
      // The last of several pieces is not kept here until it is its turn.
      const only = last > 0 ? null : rest;
      const { head, seal } = await openPreamble(call.secret, preamble);
      const body = await openBody(seal, size, {
        read: (n) => {
          reader?.moved();
          return n < last ? pieces.read(seq, n) : (only ?? rows.record(seq).rest);
        },
        end: (broken) => {
          release();
          if (broken !== undefined) reportBrokenOff('ledger', broken, { id, method, path, trace });
        },
      });
      const { status, headers } = head;
      this.count(row, 1);
      return { outcome: 'replayed', head: { status, headers }, body, size, expiresAt, lease };
    } catch (error) {
      release();
      if (!(error instanceof DamagedRecordError)) throw error;
      reportDamage('ledger', error, call);
      return null;
    }
  }

  /** A recorded response was given again so many times. */
  count({ id, size, receivedAt, completedAt }: CompletedRow, replays: number): void {
    this.#parts.counts.replayed(id, size, completedAt - receivedAt, replays);
  }

  /**
   * A Worker has replayed a response so many times by itself. Its execution may be gone, or another in its
   * place.
   */
  countLeased(id: string, lease: LeaseGrant, replays: number): void {
    const row = this.#parts.rows.find(id);
    if (row?.state === 'completed' && row.seq === lease.seq) this.count(row, replays);
    else this.#parts.counts.add('replays', replays);
  }

  /** For how long a Worker may still replay something by itself, in milliseconds. */
  get leasedMs(): number {
    return Math.max(0, this.#leasedUntil + LEASE_GRACE_MS - Date.now());
  }

  /** Gives a lease, and remembers that one is out. */
  #lease(seq: number): LeaseGrant {
    this.#leasedUntil = Date.now() + LEASE_MS;
    return { ms: LEASE_MS, seq };
  }
}
