/** @module The response that the handler behind the middleware gave. Runs in: the ledger object. */

import { log } from '../../log.ts';
import { HANDLER_NOT_REACHED } from '../../own-invocation.ts';
import { unpackHead } from '../../packed-head.ts';
import type { Policy } from '../../protocol.ts';
import { isRecordStatus } from './record-status.ts';

/** Something else of the Worker has answered in the handler's place. Whether the handler ran is not known. */
export class HandlerNotReachedError extends Error {
  constructor(status: number) {
    super(`the Worker answered the ledger with ${status}, and not from behind idempotency()`);
  }
}

/** The log is told once. */
let hasSaid = false;

/** By these a router says that it has nothing at this URL. */
const NOTHING_THERE = [404, 405];

/**
 * The response that the handler behind the middleware gave. Middleware before may have refused the request
 * this time, as one that counts requests does, and that is a failure like any other. But nothing is recorded,
 * or taken for an answer, that does not come from the handler.
 *
 * @throws HandlerNotReachedError
 */
export function handlerResponse(
  response: Response,
  { policy, method }: { readonly policy: Pick<Policy, 'recordStatuses'>; readonly method: string },
): Response {
  const opened = unpackHead(response);
  if (opened !== null) return opened;
  const { status } = response;
  if (isRecordStatus(policy.recordStatuses, status, method) || NOTHING_THERE.includes(status)) {
    response.body?.cancel().catch(() => {});
    if (!hasSaid) log('error', 'config-invalid', { detail: HANDLER_NOT_REACHED });
    hasSaid = true;
    throw new HandlerNotReachedError(status);
  }
  return response;
}
