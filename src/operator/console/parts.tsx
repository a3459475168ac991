/** @module What several pages of the console have in common. Runs in: the Worker. */

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

/** A time of day, in UTC. The script shows it in the reader's time zone. */
export function Clock({ at, now }: { at: string; now: number }) {
  return (
    <time class="clock" datetime={at} title={at}>
      {clockText(Date.parse(at), now)}
    </time>
  );
}

/** The same, with how long ago it was. */
export function Time({ at, now }: { at: string; now: number }) {
  return (
    <>
      <Clock at={at} now={now} /> <span class="ago">{relativeText(Date.parse(at), now)}</span>
    </>
  );
}

/** What a request asked for; its execution, where an earlier version wrote no more down. */
export function Asked({ request }: { request: Pick<Execution, 'id' | 'method' | 'path'> }) {
  const { id, method, path } = request;
  if (method === null || path === null) return <code>{id.slice(0, 10)}…</code>;
  return (
    <code class="asked">
      <span class="method">{method}</span> {path}
    </code>
  );
}

/** Copies a text. The script shows the button, which does nothing without it. */
export function CopyButton({ text, what }: { text: string; what: string }) {
  return (
    <button type="button" class="small copy" data-copy={text} aria-label={`Copy ${what}`} hidden>
      Copy
    </button>
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
