import { clockText, relativeText } from '../../format.ts';

/** A time in UTC, with how long ago it was. */
export function Time({ at, now }: { at: string; now: number }) {
  const ms = Date.parse(at);
  return (
    <time datetime={at} title={at}>
      <span class="clock">{clockText(ms, now)}</span> <span class="ago">{relativeText(ms, now)}</span>
    </time>
  );
}
