import type { Execution } from '../schemas.ts';

const MARKS = { running: '◐', completed: '●', unknown: '?' } as const;

/** The state as a word, with a mark and a colour as second cues. */
export function State({ state }: { state: Execution['state'] }) {
  return (
    <span class={`state state-${state}`}>
      <span aria-hidden="true" class="mark">
        {MARKS[state]}
      </span>
      {state}
    </span>
  );
}
