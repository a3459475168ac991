import { gatewayFrom } from './gateway.ts';
import { parseOptions } from './options.ts';
import { EXECUTION_HEADINGS, executionColumns, json, line, note, table, warnOfUnanswered } from './print.ts';

/** `oncegate executions`: lists them, newest first. */
export async function executions(args: readonly string[]): Promise<void> {
  const options = parseOptions(args, ['json', 'url', 'header', 'key', 'state', 'route', 'limit', 'cursor'], {
    min: 0,
    max: 0,
  });
  const list = await gatewayFrom(options).list({
    key: options.text('key'),
    state: options.text('state'),
    route: options.text('route'),
    limit: options.text('limit'),
    cursor: options.text('cursor'),
  });
  warnOfUnanswered(list);
  if (options.flag('json')) return json(list);
  if (list.executions.length === 0) return line('No execution matches.');
  table([EXECUTION_HEADINGS, ...list.executions.map(executionColumns)]);
  if (list.next !== null) note(`There are older ones: --cursor ${list.next}`);
}
