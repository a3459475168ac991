/** @module The page that asks before many are forgotten, and says what became of it. Runs in: the Worker. */

import type { Forgettable } from '../forget-many.ts';
import type { ForgetManyAnswer } from '../schemas.ts';
import { ExecutionTable } from './execution-table.tsx';
import { type Filter, filtersOf, type ListParams } from './filters.ts';
import { CONSOLE, type FormToken, OwnForm } from './page.tsx';
import { Unanswered } from './parts.tsx';

/** The most executions that the page shows. */
const SHOWN = 10;

/** How many would be forgotten, and a field for that number: so many are not forgotten by a slip. */
export function ForgetPage(props: {
  params: ListParams;
  found: Forgettable;
  /** The number that was typed before, where it was not the right one. */
  typed: string | undefined;
  formToken: FormToken;
  now: number;
}) {
  const { params, found, typed, formToken, now } = props;
  const count = found.executions.length;
  return (
    <>
      <h1>Forget all that match</h1>
      <Unanswered shards={found.unanswered} />
      {typed !== undefined && (
        <p class="notice bad" role="alert">
          {count} match, and not {typed}. Nothing was forgotten.
        </p>
      )}
      <Filters params={params} />
      {count === 0 ? (
        <p class="empty">
          {found.more
            ? 'None that has ended was found among the newest that match; older ones may be there. Go back, and narrow the list by time.'
            : 'Nothing matches that could be forgotten. What runs can be when it has ended.'}
        </p>
      ) : (
        <>
          <p class="meaning">
            <strong>{count === 1 ? '1 execution' : `${count} executions`}</strong>
            {found.more ? ' can be forgotten at once, the newest of those that match.' : ' can be forgotten.'}{' '}
            The next request with the key of each <strong>runs upstream again</strong>: what had its effect
            will have it twice. There is no way back.
          </p>
          <OwnForm class="filter" action={`${CONSOLE}/forget`} formToken={formToken}>
            {filtersOf(params).map(([name, value]) => (
              <input type="hidden" name={name} value={value} />
            ))}
            <label>
              Type {count} to go on
              <input name="count" inputmode="numeric" size={5} autocomplete="off" required />
            </label>
            <button type="submit" class="danger">
              Forget them, let them run again
            </button>
          </OwnForm>
          <ExecutionTable executions={found.executions.slice(0, SHOWN)} now={now} />
          {count > SHOWN && <p class="lede">and {count - SHOWN} more</p>}
        </>
      )}
      <p>
        <a href={`${CONSOLE}/executions?${new URLSearchParams(filtersOf(params))}`}>Back to the list</a>
      </p>
    </>
  );
}

/** What became of it. */
export function ForgottenPage({ params, answer }: { params: ListParams; answer: ForgetManyAnswer }) {
  const { forgotten, left, more, unanswered } = answer;
  return (
    <>
      <h1>{forgotten === 1 ? '1 is forgotten' : `${forgotten} are forgotten`}</h1>
      <Unanswered shards={unanswered} />
      <p class="lede">The next request with the key of each runs upstream.</p>
      {left > 0 && (
        <p class="notice bad">
          {left} stayed: they run again by now, or their records could not be removed from RESULTS.
        </p>
      )}
      <p>
        <a href={`${CONSOLE}/executions?${new URLSearchParams(filtersOf(params))}`}>
          {more ? 'There are more that match' : 'Back to the list'}
        </a>
      </p>
    </>
  );
}

const NAMES: Readonly<Record<Filter, string>> = {
  keyHash: 'Digest of the key',
  state: 'State',
  route: 'Route',
  status: 'Status',
  method: 'Method',
  path: 'Path begins with',
  caller: 'Caller',
  from: 'Received from',
  to: 'Received before',
};

function Filters({ params }: { params: ListParams }) {
  return (
    <dl class="facts">
      {filtersOf(params).map(([name, value]) => (
        <>
          <dt>{NAMES[name]}</dt>
          <dd>
            <code class="key">{value}</code>
          </dd>
        </>
      ))}
    </dl>
  );
}
