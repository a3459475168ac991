/** The app of apps/hono/shop.ts, for the tests of a file. */
import { use } from '../../harness/use.ts';
import { type RunningApp, startApp } from './world.ts';

/** What its handlers count. */
interface Seen {
  readonly runs: Record<string, number>;
  readonly afterwards: readonly string[];
  readonly passed: Record<string, number>;
}

/** Runs it for the tests of a file. */
export function useShop(): RunningApp {
  return use(
    () => startApp('shop.ts'),
    (app) => app[Symbol.asyncDispose](),
  );
}

/** What it has seen up to now. */
export async function seenBy(app: RunningApp): Promise<Seen> {
  return (await fetch(`${app.url}/_seen`)).json() as Promise<Seen>;
}
