/** @module The page of the list of executions. Runs in: the Worker. */

import type { Config } from '../../config.ts';
import { countText } from '../../format.ts';
import { type ExecutionList, executionState, type Failure } from '../schemas.ts';
import { ExecutionTable } from './execution-table.tsx';
import { FailureTable } from './failure-table.tsx';
import { ChoiceField, RouteField, TextField } from './fields.tsx';
import { CONSOLE } from './page.tsx';
import { Unanswered } from './parts.tsx';
import { filtersOf, newerPage, olderPage, type Sought } from './sought.ts';

/** The executions that match, newest first. */
export function ExecutionsPage(props: {
  config: Config;
  sought: Sought;
  /** The key, where it was typed into the search. */
  soughtKey: string | undefined;
  /** A list, or why there is none. */
  result: ExecutionList | string;
  /** The failures of a key that nothing else is known of. */
  failures: readonly Failure[];
  now: number;
}) {
  const { config, sought, soughtKey, result, failures, now } = props;
  return (
    <>
      <h1>Executions</h1>
      <FilterForm config={config} sought={sought} />
      {typeof result === 'string' ? (
        <p class="notice bad" role="alert">
          {result}
        </p>
      ) : (
        <>
          <SoughtKey soughtKey={soughtKey} keyHash={sought.keyHash} />
          <section id="list" data-live>
            <Unanswered shards={result.unanswered} />
            <Found sought={sought} result={result} failures={failures} now={now} />
          </section>
        </>
      )}
    </>
  );
}

function FilterForm({ config, sought }: { config: Config; sought: Sought }) {
  const filters = filtersOf(sought);
  const isMore = filters.some(([name]) => ['method', 'status', 'caller', 'from', 'to'].includes(name));
  return (
    <form class="filter" method="get" action={`${CONSOLE}/executions`}>
      {sought.keyHash !== undefined && <input type="hidden" name="keyHash" value={sought.keyHash} />}
      <ChoiceField
        label="State"
        name="state"
        none="any"
        options={executionState.options}
        chosen={sought.state}
      />
      <RouteField config={config} chosen={sought.route} />
      <TextField label="Path" name="path" value={sought.path} placeholder="/orders" size={16} />
      <details class="more" open={isMore}>
        <summary>More</summary>
        <div>
          <TextField label="Method" name="method" value={sought.method} placeholder="POST" size={6} />
          <TextField label="Status" name="status" value={sought.status} placeholder="200" size={4} />
          <TextField label="Caller" name="caller" value={sought.caller} placeholder="3f9a" size={5} />
          <TextField label="From (UTC)" name="from" value={sought.from} isTime />
          <TextField label="To (UTC)" name="to" value={sought.to} isTime />
        </div>
      </details>
      <button type="submit">Show</button>
      {filters.length > 0 && <a href={`${CONSOLE}/executions`}>show all</a>}
    </form>
  );
}

function SoughtKey({ soughtKey, keyHash }: { soughtKey: string | undefined; keyHash: string | undefined }) {
  if (soughtKey !== undefined) {
    return (
      <p>
        With the key <code class="key">{soughtKey}</code>
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

function Found(props: { sought: Sought; result: ExecutionList; failures: readonly Failure[]; now: number }) {
  const { sought, result, failures, now } = props;
  const { executions, next } = result;
  const newer = newerPage(sought);
  return (
    <>
      {executions.length === 0 ? (
        next === null && newer === null ? (
          <Nothing sought={sought} complete={result.unanswered.length === 0} failures={failures} now={now} />
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
          <a rel="next" href={olderPage(sought, next)}>
            Older
          </a>
        )}
        {executions.length > 0 && filtersOf(sought).length > 0 && (
          <a class="danger" href={`${CONSOLE}/forget?${new URLSearchParams(filtersOf(sought))}`}>
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

function Nothing(props: { sought: Sought; complete: boolean; failures: readonly Failure[]; now: number }) {
  const { sought, complete, failures, now } = props;
  if (!complete) {
    return (
      <div class="empty">
        <p>None was found where it could be looked for. Try again when all ledger objects answer.</p>
      </div>
    );
  }
  if (sought.keyHash === undefined) return <p class="empty">{nothingOf(sought)}</p>;
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
          event <code>request</code> and <code>keyHash</code> <code class="key">{sought.keyHash}</code>.
        </li>
        <li>Its time to live has ended, or somebody had it forgotten.</li>
      </ul>
      <p>In each case a request with this key runs upstream.</p>
    </div>
  );
}

function nothingOf(sought: Sought): string {
  const filters = filtersOf(sought);
  if (filters.length === 0) {
    return 'No execution is known. One appears here as soon as it begins, and goes when its time to live has ended.';
  }
  if (filters.length > 1 || sought.state === undefined) return 'No execution matches.';
  if (sought.state === 'unknown') return 'No outcome is unknown. Nothing to do here.';
  return sought.state === 'running' ? 'Nothing is running right now.' : 'None has completed.';
}
