/** @module `oncegate forget`. Runs in: Node. */

import { EXIT, Exit } from './exit.ts';
import { type Gateway, gatewayFrom, type ListParams } from './gateway.ts';
import { FILTERS, filterFrom, type Parsed, parseOptions } from './options.ts';
import { json, line } from './print.ts';

/** As many as are forgotten at once. */
const AT_ONCE = 200;

/** No page is asked for after so long. */
const FIND_WITHIN_MS = 10_000;

/**
 * `oncegate forget ID`: the next request with its key runs again. Without an ID, all that match a filter, if
 * it is told how many.
 */
export async function forget(args: readonly string[]): Promise<void> {
  const options = parseOptions(args, ['json', 'url', 'header', ...FILTERS, 'count'], { min: 0, max: 1 });
  const gateway = gatewayFrom(options);
  const [id] = options.operands;
  const isNarrowed = FILTERS.some((name) => options.text(name) !== undefined);
  if (id === undefined) return forgetMany(gateway, options, isNarrowed);
  if (isNarrowed || options.text('count') !== undefined) {
    throw new Exit(EXIT.usage, 'Name one execution by its id, or several by what they have in common.');
  }
  await gateway.forget(id);
  if (options.flag('json')) json({ forgotten: id });
  else line(`${id} is forgotten. The next request with its key runs upstream.`);
}

async function forgetMany(gateway: Gateway, options: Parsed, isNarrowed: boolean): Promise<void> {
  if (!isNarrowed) throw new Exit(EXIT.usage, 'Which? Give an id, or what to narrow to; see --help.');
  const filter = filterFrom(options);
  const count = options.text('count');
  if (count === undefined) throw new Exit(EXIT.no, await howMany(gateway, filter));
  const answer = await gateway.forgetMany({ ...filter, count });
  if (options.flag('json')) return json(answer);
  line(`${answer.forgotten} are forgotten. The next request with the key of each runs upstream.`);
  if (answer.left > 0) line(`${answer.left} stayed: they run, or RESULTS does not answer.`);
  if (answer.more) line('There are more that match.');
}

/** Says how many of those that match have ended: what runs is not forgotten. */
async function howMany(gateway: Gateway, filter: ListParams): Promise<string> {
  const startedAt = Date.now();
  let ended = 0;
  let cursor: string | undefined;
  for (;;) {
    const { executions, next } = await gateway.list({ ...filter, limit: String(AT_ONCE), cursor });
    ended += executions.filter(({ state }) => state !== 'running').length;
    if (ended >= AT_ONCE) return told(AT_ONCE);
    if (next === null) return ended === 0 ? 'Nothing matches that could be forgotten.' : told(ended);
    if (Date.now() - startedAt > FIND_WITHIN_MS) return ended === 0 ? NONE_FOUND : told(ended);
    cursor = next;
  }
}

const NONE_FOUND =
  'None that has ended was found among the newest; older ones may match. Narrow it by time, with --to or --from.';

function told(ended: number): string {
  return `${ended} match. To have them run again, say so: --count ${ended}`;
}
