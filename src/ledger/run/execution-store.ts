/** @module Where an execution is written down. Runs in: nowhere (types). */

import type { FailureCause } from '../../inspection.ts';
import type { ResponseHead, RunTimes, UnknownCause } from '../../protocol.ts';
import type { HeldPieceStore } from './live-body.ts';

/** What an execution has written down. */
export interface ExecutionStore extends HeldPieceStore {
  /**
   * The upstream said, by its status or in its body, that it failed: no record is left, and a retry runs
   * again. The pieces stay for those who read them, until they are dropped.
   */
  failed(cause: FailureCause): void;
  /**
   * The upstream sent the client elsewhere with its request: no record is left, and what comes there under
   * this key may run.
   */
  redirected(status: number, times: RunTimes): void;
  /** Whether the upstream acted on the request is not known. */
  unknown(cause: UnknownCause, times: RunTimes, why: FailureCause): void;
  /**
   * The whole response is here; `rest` is what of its body is in no piece, lent until this resolves, or
   * `null` if it is not recorded. Resolves when all of it is written, and tells whether the response is
   * recorded.
   */
  completed(head: ResponseHead, size: number, rest: Uint8Array | null, times: RunTimes): Promise<boolean>;
  /** Resolves when everything written so far is durable. */
  durable(): Promise<void>;
}
