/** @module The page of the list of executions. Runs in: the Worker. */

import type { Config } from '../../config.ts';
import { countText } from '../../format.ts';
import { type ExecutionList, executionState, type Failure } from '../schemas.ts';
import { ExecutionTable } from './execution-table.tsx';
import { FailureTable } from './failure-table.tsx';
import { ChoiceField, RouteField, TextField } from './fields.tsx';
import { filtersOf, type ListParams, newerPage, olderPage } from './filters.ts';
import { CONSOLE } from './page.tsx';
import { Unanswered } from './parts.tsx';

/** The executions that match, newest first. */
export function ExecutionsPage(props: {
  config: Config;
  params: ListParams;
  /** The key, where it was typed into the search. */
  searchedKey: string | undefined;
  /** A list, or why there is none. */
  result: ExecutionList | string;
  /** The failures of a key that has no execution. */
  failures: readonly Failure[];
  now: number;
}) {
  const { config, params, searchedKey, result, failures, now } = props;
  return (
    <>
      <h1>Executions</h1>
      <FilterForm config={config} params={params} />
      {typeof result === 'string' ? (
        <p class="notice bad" role="alert">
          {result}
        </p>
      ) : (
        <>
          <SearchedKey searchedKey={searchedKey} keyHash={params.keyHash} />
          <section id="list" data-live>
            <Unanswered shards={result.unanswered} />
            <Found params={params} result={result} failures={failures} now={now} />
          </section>
        </>
      )}
    </>
  );
}

function FilterForm({ config, params }: { config: Config; params: ListParams }) {
  const filters = filtersOf(params);
  const isMore = filters.some(([name]) => ['method', 'status', 'caller', 'from', 'to'].includes(name));
  return (
    <form class="filter" method="get" action={`${CONSOLE}/executions`}>
      {params.keyHash !== undefined && <input type="hidden" name="keyHash" value={params.keyHash} />}
      <ChoiceField
        label="State"
        name="state"
        none="any"
        options={executionState.options}
        chosen={params.state}
      />
      <RouteField config={config} chosen={params.route} />
      <TextField label="Path" name="path" value={params.path} placeholder="/orders" size={16} />
      <details class="more" open={isMore}>
        <summary>More</summary>
        <div>
          <TextField label="Method" name="method" value={params.method} placeholder="POST" size={6} />
          <TextField label="Status" name="status" value={params.status} placeholder="200" size={4} />
          <TextField label="Caller" name="caller" value={params.caller} placeholder="3f9a" size={5} />
          <TextField label="From (UTC)" name="from" value={params.from} isTime />
          <TextField label="To (UTC)" name="to" value={params.to} isTime />
        </div>
      </details>
      <button type="submit">Show</button>
      {filters.length > 0 && <a href={`${CONSOLE}/executions`}>show all</a>}
    </form>
  );
}

function SearchedKey({
  searchedKey,
  keyHash,
}: {
  searchedKey: string | undefined;
  keyHash: string | undefined;
}) {
  if (searchedKey !== undefined) {
    return (
      <p>
        With the key <code class="key">{searchedKey}</code>
      </p>
    );
  }
  if (keyHash === undefined) return null;
  return (
    <p>
      With the key whose <code>keyHash</code> is <code class="key">{keyHash}</code>
    </p>
  );
}

function Found(props: {
  params: ListParams;
  result: ExecutionList;
  failures: readonly Failure[];
  now: number;
}) {
  const { params, result, failures, now } = props;
  const { executions, next } = result;
  const newer = newerPage(params);
  return (
    <>
      {executions.length === 0 ? (
        next === null && newer === null ? (
          <Nothing params={params} complete={result.unanswered.length === 0} failures={failures} now={now} />
        ) : (
          <p class="empty">None here. It was looked through a part of what there is; look on.</p>
        )
      ) : (
        <>
          <p class="count">{countOf(executions.length, next !== null, newer !== null)}</p>
          <ExecutionTable executions={executions} now={now} />
        </>
      )}
      <nav class="pages" aria-label="Pages">
        {newer !== null && (
          <a rel="prev" href={newer}>
            Newer
          </a>
        )}
        {next !== null && (
          <a rel="next" href={olderPage(params, next)}>
            Older
          </a>
        )}
        {executions.length > 0 && filtersOf(params).length > 0 && (
          <a class="danger" href={`${CONSOLE}/forget?${new URLSearchParams(filtersOf(params))}`}>
            Forget all that match…
          </a>
        )}
      </nav>
    </>
  );
}

function countOf(shown: number, hasOlder: boolean, hasNewer: boolean): string {
  const executions = shown === 1 ? '1 execution' : `${countText(shown)} executions`;
  if (!hasOlder && !hasNewer) return executions;
  return `${executions} on this page, ${hasOlder ? 'and there are older ones' : 'the oldest'}`;
}

function Nothing(props: {
  params: ListParams;
  complete: boolean;
  failures: readonly Failure[];
  now: number;
}) {
  const { params, complete, failures, now } = props;
  if (!complete) {
    return (
      <div class="empty">
        <p>None was found where it could be looked for. Try again when all ledger objects answer.</p>
      </div>
    );
  }
  if (params.keyHash === undefined) return <p class="empty">{nothingOf(params)}</p>;
  if (failures.length > 0) {
    return (
      <>
        <div class="empty">
          <p>
            <strong>It ran and failed.</strong> A failure leaves no record: a request with this key runs
            upstream.
          </p>
        </div>
        <h2>Its failures</h2>
        <FailureTable failures={failures} now={now} />
      </>
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
          It ran and failed, and is not among the last failures any more. The log has it, in a line with the
          event <code>request</code> and <code>keyHash</code> <code class="key">{params.keyHash}</code>.
        </li>
        <li>Its time to live has ended, or somebody had it forgotten.</li>
      </ul>
      <p>In each case a request with this key runs upstream.</p>
    </div>
  );
}

function nothingOf(params: ListParams): string {
  const filters = filtersOf(params);
  if (filters.length === 0) {
    return 'No execution is known. One appears here as soon as it begins, and goes when its time to live has ended.';
  }
  if (filters.length > 1 || params.state === undefined) return 'No execution matches.';
  if (params.state === 'unknown') return 'No outcome is unknown. Nothing to do here.';
  return params.state === 'running' ? 'Nothing is running right now.' : 'None has completed.';
}
