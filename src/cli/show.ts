/** @module `oncegate show`. Runs in: Node. */

import { EXIT, Exit } from './exit.ts';
import { type ExecutionDetail, type Gateway, gatewayFrom } from './gateway.ts';
import { parseOptions } from './options.ts';
import { executionText, json, line, warnOfUnanswered } from './print.ts';

/** `oncegate show KEY`: what happened to this key. With `--id`, what is given is an execution's id. */
export async function show(args: readonly string[]): Promise<void> {
  const options = parseOptions(args, ['json', 'url', 'header', 'id'], { min: 1, max: 1 });
  const [idOrKey = ''] = options.operands;
  const gateway = gatewayFrom(options);
  const found = options.flag('id') ? await byId(gateway, idOrKey) : await byKey(gateway, idOrKey);
  if (options.flag('json')) json(found);
  else {
    for (const [index, execution] of found.entries()) {
      if (index > 0) line();
      executionText(execution, Date.now());
    }
  }
  if (found.length === 0) {
    throw new Exit(
      EXIT.no,
      'No execution is known: it was never seen, it failed, its time has ended, or it was forgotten. The next request runs.',
    );
  }
}

async function byId(gateway: Gateway, id: string): Promise<ExecutionDetail[]> {
  const execution = await gateway.find(id);
  return execution === null ? [] : [execution];
}

async function byKey(gateway: Gateway, key: string): Promise<ExecutionDetail[]> {
  const list = await gateway.list({ key });
  warnOfUnanswered(list);
  const details = await Promise.all(list.executions.map(({ id }) => gateway.find(id)));
  const found = details.filter((detail) => detail !== null);
  if (found.length === 0 && list.unanswered.length > 0) {
    throw new Exit(EXIT.unreachable, 'It is not among what could be looked through. Try again.');
  }
  return found;
}
