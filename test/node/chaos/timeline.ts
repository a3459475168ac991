import type { Call, Death, Run } from './history.ts';

/** What happened to one key, a line an event, in order; times are relative to the first. */
export function timelineOf(calls: readonly Call[], runs: readonly Run[], deaths: readonly Death[]): string {
  const events = [
    ...calls.map((call) => ({
      at: call.startedAt,
      what: `call until ${span(call)}: ${outcomeOf(call)}`,
    })),
    ...runs.map((run) => ({ at: run.startedAt, what: `run ${run.run} until ${span(run)}: ${run.fate}` })),
  ].toSorted((a, b) => a.at - b.at);
  const start = events.at(0)?.at ?? 0;
  const end = Math.max(...calls.map((call) => call.endedAt), ...runs.map((run) => run.endedAt));
  const relevant = deaths
    .filter(({ at, until }) => until >= start && at <= end)
    .map(({ at, until }) => ({ at, what: `the ledger dies, back after ${Math.round(until - at)} ms` }));
  return [...events, ...relevant]
    .toSorted((a, b) => a.at - b.at)
    .map(({ at, what }) => `  ${String(Math.round(at - start)).padStart(7)} ms  ${what}`)
    .join('\n');
}

function span({ startedAt, endedAt }: { startedAt: number; endedAt: number }): string {
  return `+${Math.round(endedAt - startedAt)}`;
}

function outcomeOf({ outcome }: Call): string {
  switch (outcome.kind) {
    case 'response':
      return `${outcome.status} of run ${outcome.from.run}${outcome.replayed ? ', replayed' : ''}`;
    case 'problem':
      return `${outcome.status} ${outcome.slug}`;
    case 'stray':
      return `a bare ${outcome.status}`;
    case 'broken':
      return `broken by the ${outcome.by}${outcome.from === null ? '' : ` within run ${outcome.from.run}`}`;
  }
}
