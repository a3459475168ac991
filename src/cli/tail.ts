import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { type Execution, gatewayFrom } from './gateway.ts';
import { parseOptions } from './options.ts';
import { executionColumns, jsonLine, line, warnOfUnanswered } from './print.ts';

/** As many as the API gives at once: what begins between two looks beyond that is not seen. */
const LOOK_AT = '200';

/** `oncegate tail`: prints each execution when it begins and whenever it changes, until it is interrupted. */
export async function tail(args: readonly string[]): Promise<void> {
  const options = parseOptions(args, ['json', 'url', 'header', 'state', 'route', 'interval'], {
    min: 0,
    max: 0,
  });
  const gateway = gatewayFrom(options);
  const everyMs = options.count('interval', 2) * 1000;
  const interrupted = new AbortController();
  void once(process, 'SIGINT').then(() => interrupted.abort());

  const seen = new Map<string, string>();
  while (!interrupted.signal.aborted) {
    const list = await gateway.list({
      state: options.text('state'),
      route: options.text('route'),
      limit: LOOK_AT,
    });
    warnOfUnanswered(list);
    for (const execution of list.executions.toReversed()) {
      const now = changing(execution);
      if (seen.get(execution.id) === now) continue;
      if (options.flag('json')) jsonLine(execution);
      else line(executionColumns(execution).join('  '));
    }
    seen.clear();
    for (const execution of list.executions) seen.set(execution.id, changing(execution));
    await pause(everyMs, undefined, { signal: interrupted.signal }).catch(() => {});
  }
}

function changing({ receivedAt, state, replays, joins, refusals }: Execution): string {
  return JSON.stringify([receivedAt, state, replays, joins, refusals]);
}
