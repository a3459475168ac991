/** The state machine of the contract's first section, for one execution, as short as it can be said. */

export type Policy = 'retry' | 'refuse';
export type Verdict = 'finish' | 'fail' | 'break-head' | 'break-body';

export type State =
  | { readonly kind: 'absent' }
  | { readonly kind: 'running'; readonly run: number }
  | { readonly kind: 'completed'; readonly run: number; readonly expiresAt: number }
  | { readonly kind: 'unknown'; readonly expiresAt: number };

export type Answer =
  | { readonly kind: 'runs' | 'joins' }
  | { readonly kind: 'replay'; readonly run: number }
  | { readonly kind: 'refusal'; readonly slug: 'key-reused' | 'outcome-unknown' };

const ABSENT: State = { kind: 'absent' };

/** What a request gets. `same` is whether it is the request that the execution began with. */
export function answerTo(state: State, policy: Policy, same: boolean, now: number): Answer {
  const current = at(state, now);
  if (current.kind === 'absent' || (current.kind === 'unknown' && policy === 'retry'))
    return { kind: 'runs' };
  if (!same) return { kind: 'refusal', slug: 'key-reused' };
  if (current.kind === 'running') return { kind: 'joins' };
  if (current.kind === 'unknown') return { kind: 'refusal', slug: 'outcome-unknown' };
  return { kind: 'replay', run: current.run };
}

/** A run that the origin answered, well or not. */
export function afterVerdict(run: number, verdict: Verdict, policy: Policy, expiresAt: number): State {
  if (verdict === 'finish') return { kind: 'completed', run, expiresAt };
  if (verdict === 'fail' || policy === 'retry') return ABSENT;
  return { kind: 'unknown', expiresAt };
}

/**
 * A run that the loss of its object cut off: gone under `retry`, and unknown for a whole TTL from then on
 * under `refuse`.
 */
export function afterLoss(state: State, policy: Policy, expiresAt: number): State {
  if (state.kind !== 'running') return state;
  return policy === 'retry' ? ABSENT : { kind: 'unknown', expiresAt };
}

/** An operator forgets the execution, unless it runs. */
export function afterForget(state: State): State {
  return state.kind === 'running' ? state : ABSENT;
}

/** What the operator hears. */
export function forgotten(state: State, now: number): 'forgotten' | 'absent' | 'running' {
  const current = at(state, now);
  return current.kind === 'absent' || current.kind === 'running' ? current.kind : 'forgotten';
}

function at(state: State, now: number): State {
  const expires = state.kind === 'completed' || state.kind === 'unknown';
  return expires && state.expiresAt <= now ? ABSENT : state;
}
