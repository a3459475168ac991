import type { Call } from '../node/chaos/history.ts';
import type { HostileKv } from './kv.ts';

/** How often readers of KV saw something else than the last that was written. */
export function seenOf({ store }: HostileKv): [string, number][] {
  const { stale, staleMisses, outOfOrder } = store.seen;
  return [
    ['a read of KV saw another value than the last one', stale],
    ['a read of KV saw nothing where there was something', staleMisses],
    ['an earlier value came to KV after a later one', outOfOrder],
  ];
}

/** How often clients were answered what. */
export function answersTo(calls: readonly Call[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const call of calls) {
    const name = nameOf(call);
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

function nameOf({ outcome }: Call): string {
  switch (outcome.kind) {
    case 'response':
      if (outcome.status >= 300) return 'the origin’s error';
      return outcome.replayed ? 'a replay' : 'a run';
    case 'problem':
      return `${outcome.status} ${outcome.slug}`;
    case 'stray':
      return `a bare ${outcome.status}`;
    case 'broken':
      return 'broken off';
  }
}
