import type { Call, Death, Policy, Run } from './history.ts';
import { type Story, withinTtl } from './story.ts';

/** Whether a second run may have begun after a first one, by all that is known of their key. */
export function hasReasonToRun(first: Run, second: Run, { policy, deaths, calls }: Story): boolean {
  return (
    wasOver(first, second, policy, deaths) ||
    wasGivenUp(first, second, policy, calls) ||
    cameLate(first, policy, calls, deaths) ||
    wasLeft(first, second, policy, calls)
  );
}

/**
 * A second run needs a first that failed, that broke off, whose result has expired, or that a death may have
 * cut off.
 */
function wasOver(first: Run, second: Run, policy: Policy, deaths: readonly Death[]): boolean {
  if (first.fate === 'failed' || first.fate === 'broke') return true;
  if (!withinTtl(first, second.startedAt, policy)) return true;
  if (deaths.some((death) => death.until >= first.startedAt && death.at <= second.startedAt)) return true;
  return first.fate === 'cut' && first.endedAt - first.startedAt >= policy.silenceMs;
}

/**
 * A run that clients have left, one of them while it lasted or just before it was seen to begin, may have
 * been cancelled.
 */
function wasLeft(first: Run, second: Run, { cancels }: Policy, calls: readonly Call[]): boolean {
  return (
    cancels &&
    calls.some(
      ({ startedAt, endedAt, outcome }) =>
        outcome.kind === 'broken' &&
        outcome.by === 'client' &&
        startedAt <= first.endedAt &&
        endedAt <= second.startedAt,
    )
  );
}

/**
 * A busy machine may hold a request up on its way to the origin, which then sees less of the silence than the
 * gateway. So a client's word counts too, if it waited for so long before it was told.
 */
function wasGivenUp(first: Run, second: Run, policy: Policy, calls: readonly Call[]): boolean {
  const tells = ({ outcome }: Call) =>
    outcome.kind === 'problem'
      ? outcome.slug === 'upstream-timeout'
      : outcome.kind === 'broken' && outcome.by === 'gateway' && outcome.from?.run === first.run;
  return calls.some(
    (call) =>
      tells(call) &&
      call.endedAt - call.startedAt >= policy.silenceMs &&
      call.startedAt <= first.startedAt &&
      call.endedAt <= second.startedAt,
  );
}

/**
 * Held up for longer still, a request comes to the origin when the gateway has given it up, and its client
 * has left and cannot be told; or when the gateway that sent it is dead, and another one answers.
 */
function cameLate(
  first: Run,
  { silenceMs }: Policy,
  calls: readonly Call[],
  deaths: readonly Death[],
): boolean {
  return calls.some(({ startedAt, endedAt, outcome }) => {
    if (outcome.kind !== 'broken' || outcome.from !== null) return false;
    if (outcome.by === 'client')
      return startedAt + silenceMs <= first.startedAt && endedAt >= first.startedAt;
    return deaths.some(
      ({ at, until }) =>
        startedAt <= at && at <= endedAt && first.startedAt - until <= silenceMs && until <= first.startedAt,
    );
  });
}
