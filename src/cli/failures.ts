/** @module `oncegate failures`. Runs in: Node. */

import { gatewayFrom } from './gateway.ts';
import { parseOptions } from './options.ts';
import { FAILURE_HEADINGS, failureColumns, json, line, table, warnOfUnanswered } from './print.ts';

/** `oncegate failures`: lists the runs that failed lately, newest first. */
export async function failures(args: readonly string[]): Promise<void> {
  const options = parseOptions(args, ['json', 'url', 'header', 'key', 'route', 'limit'], { min: 0, max: 0 });
  const list = await gatewayFrom(options).failures({
    key: options.text('key'),
    route: options.text('route'),
    limit: options.text('limit'),
  });
  warnOfUnanswered(list);
  if (options.flag('json')) return json(list);
  if (list.failures.length === 0) return line('No run has failed lately.');
  table([FAILURE_HEADINGS, ...list.failures.map(failureColumns)]);
}
