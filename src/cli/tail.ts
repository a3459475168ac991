/** @module `oncegate tail`. Runs in: Node. */

import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { EXIT, Exit } from './exit.ts';
import { type Execution, gatewayFrom } from './gateway.ts';
import { parseOptions } from './options.ts';
import { executionColumns, jsonLine, line, note, warnOfUnanswered } from './print.ts';

/** As many as the API gives at once: what begins between two looks beyond that is not seen. */
const LOOK_AT = 200;

/**
 * `oncegate tail`: prints each execution when it begins and whenever it changes, until it is interrupted.
 * What is there already is not printed before it changes, except the newest that `--last` asks for.
 */
export async function tail(args: readonly string[]): Promise<void> {
  const options = parseOptions(args, ['json', 'url', 'header', 'state', 'route', 'interval', 'last'], {
    min: 0,
    max: 0,
  });
  const last = options.count('last', 0, 0);
  if (last > LOOK_AT) throw new Exit(EXIT.usage, `--last must be a whole number up to ${LOOK_AT}.`);
  const gateway = gatewayFrom(options);
  const everyMs = options.count('interval', 2) * 1000;
  const interrupted = new AbortController();
  void once(process, 'SIGINT').then(() => interrupted.abort());

  let seen: ReadonlyMap<string, string> | null = null;
  /** What was received before this may be out of sight in one look and back in the next; that is no news. */
  let inSightSince = '';
  while (!interrupted.signal.aborted) {
    const list = await gateway.list({
      state: options.text('state'),
      route: options.text('route'),
      limit: String(LOOK_AT),
    });
    warnOfUnanswered(list);
    const known = seen;
    const news: Execution[] =
      known === null
        ? list.executions.slice(0, last)
        : list.executions.filter((execution) => isNews(execution, known, inSightSince));
    for (const execution of news.toReversed()) {
      if (options.flag('json')) jsonLine(execution);
      else line(executionColumns(execution).join('  '));
    }
    if (known === null) note('From now on, what begins or changes. Ctrl-C ends it.');
    seen = new Map(list.executions.map((execution) => [execution.id, changing(execution)]));
    inSightSince = list.executions.length < LOOK_AT ? '' : (list.executions.at(-1)?.receivedAt ?? '');
    await pause(everyMs, undefined, { signal: interrupted.signal }).catch(() => {});
  }
}

function isNews(execution: Execution, seen: ReadonlyMap<string, string>, inSightSince: string): boolean {
  const before = seen.get(execution.id);
  return before === undefined ? execution.receivedAt >= inSightSince : before !== changing(execution);
}

function changing({ receivedAt, state, replays, joins, refusals }: Execution): string {
  return JSON.stringify([receivedAt, state, replays, joins, refusals]);
}
