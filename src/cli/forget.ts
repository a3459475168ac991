/** @module `oncegate forget`. Runs in: Node. */

import { EXIT, Exit } from './exit.ts';
import { type Gateway, gatewayFrom } from './gateway.ts';
import { FILTERS, filterFrom, type Parsed, parseOptions } from './options.ts';
import { json, line } from './print.ts';

/** As many as are forgotten at once. */
const AT_ONCE = '200';

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
  if (count === undefined) {
    const { executions } = await gateway.list({ ...filter, limit: AT_ONCE });
    const ended = executions.filter(({ state }) => state !== 'running').length;
    throw new Exit(EXIT.no, `${ended} match. To have them run again, say so: --count ${ended}`);
  }
  const answer = await gateway.forgetMany({ ...filter, count });
  if (options.flag('json')) return json(answer);
  line(`${answer.forgotten} are forgotten. The next request with the key of each runs upstream.`);
  if (answer.left > 0) line(`${answer.left} stayed: they run, or RESULTS does not answer.`);
  if (answer.more) line('There are more that match.');
}
