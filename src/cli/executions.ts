/** @module `oncegate executions`. Runs in: Node. */

import { gatewayFrom } from './gateway.ts';
import { FILTERS, filterFrom, parseOptions } from './options.ts';
import { EXECUTION_HEADINGS, executionColumns, json, line, note, table, warnOfUnanswered } from './print.ts';

/** `oncegate executions`: lists them, newest first. */
export async function executions(args: readonly string[]): Promise<void> {
  const options = parseOptions(args, ['json', 'url', 'header', ...FILTERS, 'limit', 'cursor'], {
    min: 0,
    max: 0,
  });
  const list = await gatewayFrom(options).list({
    ...filterFrom(options),
    limit: options.text('limit'),
    cursor: options.text('cursor'),
  });
  warnOfUnanswered(list);
  if (options.flag('json')) return json(list);
  if (list.executions.length > 0) table([EXECUTION_HEADINGS, ...list.executions.map(executionColumns)]);
  else if (list.next === null) line('No execution matches.');
  if (list.next !== null) note(`There are older ones: --cursor ${list.next}`);
}
