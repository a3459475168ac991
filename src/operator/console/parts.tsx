/** What several pages of the console have in common. */
import { clockText, relativeText } from '../../format.ts';
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

/** A time in UTC, with how long ago it was. */
export function Time({ at, now }: { at: string; now: number }) {
  const ms = Date.parse(at);
  return (
    <time datetime={at} title={at}>
      <span class="clock">{clockText(ms, now)}</span> <span class="ago">{relativeText(ms, now)}</span>
    </time>
  );
}

/** Says which ledger objects did not answer, so that nothing is silently left out. */
export function Unanswered({ shards }: { shards: readonly { route: string; shard: number }[] }) {
  if (shards.length === 0) return null;
  const names = [...Map.groupBy(shards, ({ route }) => route)].map(
    ([route, of]) => `${of.map(({ shard }) => shard).join(', ')} of ${route}`,
  );
  return (
    <p class="notice bad" role="alert">
      <strong>
        {shards.length === 1 ? '1 ledger object does' : `${shards.length} ledger objects do`} not answer:
      </strong>{' '}
      {names.join('; ')}. What they hold is missing here, and new keys of theirs are answered with 503.
    </p>
  );
}
