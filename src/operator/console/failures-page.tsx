/** @module The page of the runs that failed lately. Runs in: the Worker. */

import type { Config } from '../../config.ts';
import { countText } from '../../format.ts';
import type { FailureList } from '../schemas.ts';
import { FailureTable } from './failure-table.tsx';
import { RouteField } from './fields.tsx';
import { CONSOLE } from './page.tsx';
import { Unanswered } from './parts.tsx';

/** The runs that failed lately, newest first. */
export function FailuresPage(props: {
  config: Config;
  route: string | undefined;
  /** A list, or why there is none. */
  result: FailureList | string;
  now: number;
}) {
  const { config, route, result, now } = props;
  return (
    <>
      <h1>Failures</h1>
      <p class="lede">
        Runs that left no result: a retry runs again, unless the outcome is unknown and its route refuses. The
        last 200 of each ledger object, for a day.
      </p>
      {config.routes.length > 1 && (
        <form class="filter" method="get" action={`${CONSOLE}/failures`}>
          <RouteField config={config} chosen={route} />
          <button type="submit">Show</button>
          {route !== undefined && <a href={`${CONSOLE}/failures`}>show all</a>}
        </form>
      )}
      {typeof result === 'string' ? (
        <p class="notice bad" role="alert">
          {result}
        </p>
      ) : (
        <section id="failures" data-live>
          <Unanswered shards={result.unanswered} />
          {result.failures.length === 0 ? (
            <div class="empty">
              <p>
                {result.unanswered.length > 0
                  ? 'None is known where it could be looked for.'
                  : 'No run has failed. What is refused before it runs is in the log.'}
              </p>
            </div>
          ) : (
            <>
              <p class="count">
                {result.failures.length === 1 ? '1 failure' : `${countText(result.failures.length)} failures`}
              </p>
              <FailureTable failures={result.failures} now={now} />
            </>
          )}
        </section>
      )}
    </>
  );
}
