import type { Config } from '../../config.ts';
import { type ExecutionList, executionState } from '../schemas.ts';
import { ExecutionTable } from './execution-table.tsx';
import { CONSOLE } from './page.tsx';
import { Unanswered } from './parts.tsx';

/** What the list is narrowed to, as it stands in the URL. */
export interface Sought {
  /** The digest under which ledger and log know a key. */
  readonly keyHash?: string | undefined;
  readonly state?: string | undefined;
  readonly route?: string | undefined;
}

/** The executions that match, newest first. */
export function ExecutionsPage(props: {
  config: Config;
  sought: Sought;
  /** The key, where it was typed into the search. */
  soughtKey: string | undefined;
  /** A list, or why there is none. */
  result: ExecutionList | string;
  now: number;
}) {
  const { config, sought, soughtKey, result, now } = props;
  return (
    <>
      <h1>Executions</h1>
      <form class="filter" method="get" action={`${CONSOLE}/executions`}>
        {sought.keyHash !== undefined && <input type="hidden" name="keyHash" value={sought.keyHash} />}
        <label>
          State
          <select name="state">
            <Option value="" name="any" chosen={sought.state ?? ''} />
            {executionState.options.map((state) => (
              <Option value={state} name={state} chosen={sought.state ?? ''} />
            ))}
          </select>
        </label>
        {config.routes.length > 1 && (
          <label>
            Route
            <select name="route">
              <Option value="" name="all" chosen={sought.route ?? ''} />
              {config.routes.map(({ path }) => (
                <Option value={path} name={path} chosen={sought.route ?? ''} />
              ))}
            </select>
          </label>
        )}
        <button type="submit">Show</button>
        {(sought.keyHash ?? sought.state ?? sought.route) !== undefined && (
          <a href={`${CONSOLE}/executions`}>show all</a>
        )}
      </form>
      {typeof result === 'string' ? (
        <p class="notice bad" role="alert">
          {result}
        </p>
      ) : (
        <>
          <Unanswered shards={result.unanswered} />
          {soughtKey !== undefined ? (
            <p>
              With the key <code class="key">{soughtKey}</code>
            </p>
          ) : (
            sought.keyHash !== undefined && (
              <p>
                With the key whose <code>keyHash</code> is <code class="key">{sought.keyHash}</code>
              </p>
            )
          )}
          {result.executions.length === 0 ? (
            <Nothing sought={sought} complete={result.unanswered.length === 0} />
          ) : (
            <ExecutionTable executions={result.executions} now={now} />
          )}
          {result.next !== null && (
            <p>
              <a rel="next" href={nextPage(sought, result.next)}>
                Older executions
              </a>
            </p>
          )}
        </>
      )}
    </>
  );
}

function Option({ value, name, chosen }: { value: string; name: string; chosen: string }) {
  return (
    <option value={value} selected={value === chosen}>
      {name}
    </option>
  );
}

function Nothing({ sought, complete }: { sought: Sought; complete: boolean }) {
  if (!complete) {
    return (
      <div class="empty">
        <p>None was found where it could be looked for. Try again when all ledger objects answer.</p>
      </div>
    );
  }
  if (sought.keyHash === undefined) {
    return (
      <div class="empty">
        <p>
          {sought.state === 'unknown'
            ? 'No outcome is unknown. Nothing to do here.'
            : sought.state === 'running'
              ? 'Nothing is running right now.'
              : 'No execution is known. One appears here as soon as it begins, and goes when its time to live has ended.'}
        </p>
      </div>
    );
  }
  return (
    <div class="empty">
      <p>
        <strong>No execution is known with this key.</strong> One of these is true:
      </p>
      <ul>
        <li>No request with it has reached this gateway. Look for a typing error; case matters.</li>
        <li>
          It ran and failed: a failure leaves no record, so that a retry runs again. The log has it, in a line
          with the event <code>request</code> and <code>keyHash</code>{' '}
          <code class="key">{sought.keyHash}</code>.
        </li>
        <li>Its time to live has ended, or somebody had it forgotten.</li>
      </ul>
      <p>In each case a request with this key runs upstream.</p>
    </div>
  );
}

function nextPage(sought: Sought, cursor: string): string {
  const query = new URLSearchParams({ cursor });
  for (const name of ['keyHash', 'state', 'route'] as const) {
    const value = sought[name];
    if (value !== undefined) query.set(name, value);
  }
  return `?${query}`;
}
