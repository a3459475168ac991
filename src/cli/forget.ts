import { gatewayFrom } from './gateway.ts';
import { parseOptions } from './options.ts';
import { json, line } from './print.ts';

/** `oncegate forget ID`: the next request with its key runs again. */
export async function forget(args: readonly string[]): Promise<void> {
  const options = parseOptions(args, ['json', 'url', 'header'], { min: 1, max: 1 });
  const [id = ''] = options.operands;
  await gatewayFrom(options).forget(id);
  if (options.flag('json')) json({ forgotten: id });
  else line(`${id} is forgotten. The next request with its key runs upstream.`);
}
