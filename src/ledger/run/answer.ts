/** @module What a caller gets of a run. Runs in: the ledger object. */

import { settlesWithin } from '../../deadline.ts';
import type { LedgerAnswer, LedgerCall, ResponseHead } from '../../protocol.ts';
import type { Execution } from './execution.ts';
import type { Moment } from './moment.ts';

/** How long a caller waits, and how it is known that it does. */
export type Waiting = Pick<LedgerCall, 'respondAfterMs' | 'presence'> & {
  /** For the head of a run that another caller began; `null`: for as long as it takes. */
  readonly waitMs: number | null;
};

/**
 * Answers from a run: with the whole body where it is here or is in a moment, else with a stream of it.
 * `in-progress` where there is no head in time, `no-room` where there is no memory for another reader. Where
 * `presence` breaks off, the client has left.
 */
export async function answerFrom(
  execution: Execution,
  outcome: 'executed' | 'joined',
  { waitMs, respondAfterMs, presence }: Waiting,
  moment: Moment,
): Promise<LedgerAnswer | 'in-progress' | 'no-room'> {
  const reader = outcome === 'joined' ? execution.body.join() : execution.body.attach();
  if (reader === null) return 'no-room';
  // Where a run has ended, it makes no difference who leaves.
  presence?.pipeTo(new WritableStream()).catch(() => reader.leave());
  if (respondAfterMs !== null && !(await settlesWithin(execution.head, respondAfterMs))) {
    // It is not left: whoever is told that it runs means to come back.
    execution.detach();
    reader.leave();
    return { outcome: 'accepted' };
  }
  if (respondAfterMs === null && waitMs !== null && !(await settlesWithin(execution.head, waitMs))) {
    reader.leave();
    return 'in-progress';
  }
  const result = await execution.head;
  if (result.kind === 'no-response') {
    reader.leave();
    return { outcome: 'no-response', reason: result.reason, joined: outcome === 'joined' };
  }
  const { head } = result;
  // Where there is no body, the head is the end.
  if (result.bodiless) await execution.body.ended;
  else if (!isEventStream(head)) await moment.settles(execution.body.ended);
  if (execution.isLost) {
    // Nobody has seen a byte of it, so nobody need take a head for a response that nobody will ever get
    // again.
    reader.leave();
    return { outcome: 'no-response', reason: 'upstream-unreachable', joined: outcome === 'joined' };
  }
  const whole = execution.body.whole();
  if (whole !== null) reader.leave();
  const body = whole ?? reader.stream();
  return { outcome, recording: execution.recording, head, body, size: whole?.byteLength ?? result.length };
}

function isEventStream(head: ResponseHead): boolean {
  return head.headers.some(
    ([name, value]) => name === 'content-type' && /^text\/event-stream\b/i.test(value),
  );
}
