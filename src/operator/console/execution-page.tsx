/** @module The page of one execution. Runs in: the Worker. */

import type { Child } from 'hono/jsx';
import type { Route } from '../../config.ts';
import { bytesText, countText, durationText, relativeText } from '../../format.ts';
import type { RepeatRefusal, UnknownCause } from '../../protocol.ts';
import { placeText } from '../execution-texts.ts';
import type { Execution, ExecutionDetail, TimelineEntry } from '../schemas.ts';
import { curlOf } from './curl.ts';
import { CONSOLE, type FormToken, OwnForm } from './page.tsx';
import { Asked, Clock, CopyButton, State } from './parts.tsx';

/** One execution: what it is, what a retry gets, how it went, and forgetting it. */
export function ExecutionPage(props: {
  execution: ExecutionDetail;
  route: Route | undefined;
  /** The gateway's origin, as clients reach it. */
  gate: string;
  formToken: FormToken;
  now: number;
}) {
  const { execution, route, gate, formToken, now } = props;
  return (
    <>
      <div class="headline">
        <h1>
          Execution{' '}
          <span class="asked">
            <Asked request={execution} />
          </span>
        </h1>
        <div id="state" data-live>
          <State state={execution.state} />
        </div>
      </div>
      <div id="meaning" data-live>
        <p class="meaning">{meaningOf(execution, route, now)}</p>
      </div>
      <div class="two">
        <section id="timeline" data-live>
          <h2>Timeline</h2>
          <ol class="timeline">
            {execution.timeline.map((entry) => (
              <Entry entry={entry} from={execution.receivedAt} now={now} />
            ))}
          </ol>
        </section>
        <section id="repeats" data-live>
          <h2>Repeats</h2>
          <RepeatsTable execution={execution} />
          <h2>Facts</h2>
          <Facts execution={execution} />
        </section>
      </div>
      <Again execution={execution} route={route} gate={gate} />
      <section id="forget" data-live>
        <h2>Forget it</h2>
        <Forget execution={execution} formToken={formToken} />
      </section>
    </>
  );
}

function RepeatsTable({ execution: { replays, joins, refusals } }: { execution: Execution }) {
  return (
    <table>
      <tbody>
        <Count name="Replayed" value={replays} />
        <Count name="Joined while it ran" value={joins} />
        {(Object.keys(REFUSED) as RepeatRefusal[]).map((slug) => (
          <Count name={`Refused: ${REFUSED[slug]}`} value={refusals[slug]} slug={slug} />
        ))}
      </tbody>
    </table>
  );
}

function Facts({ execution }: { execution: Execution }) {
  const { id, route, shard, caller, traceId, state, status, bytes } = execution;
  const none = state === 'running' ? 'none yet' : 'none';
  return (
    <dl class="facts">
      <dt>Route</dt>
      <dd>
        <code>{route}</code>
      </dd>
      <dt>Status</dt>
      <dd>{status ?? none}</dd>
      <dt>Body</dt>
      <dd>{bytes === null ? none : `${bytesText(bytes)}, ${placeText(execution)}`}</dd>
      <dt>Caller</dt>
      <dd>
        <a href={`${CONSOLE}/executions?${new URLSearchParams({ route, caller })}`}>
          <code>{caller}</code>
        </a>
      </dd>
      <dt>Trace</dt>
      <dd>
        {traceId === null ? (
          'none was named'
        ) : (
          <>
            <code class="key">{traceId}</code> <CopyButton text={traceId} what="the trace’s id" />
          </>
        )}
      </dd>
      <dt>Ledger object</dt>
      <dd>
        <code>{`${route}:${shard}`}</code>
      </dd>
      <dt>Id</dt>
      <dd>
        <code class="key">{id}</code> <CopyButton text={id} what="the execution’s id" />
      </dd>
    </dl>
  );
}

/** A command that sends such a request again. Key, credentials and body are not known here. */
function Again({ execution, route, gate }: { execution: Execution; route: Route | undefined; gate: string }) {
  const { method, path } = execution;
  if (method === null || path === null || route === undefined) return null;
  const command = curlOf(gate, method, path, route.keyFrom);
  return (
    <section>
      <h2>Send it again</h2>
      <p class="lede">The shape of the request. Its key, credentials, query and body are not known here.</p>
      <pre class="command">{command}</pre>
      <CopyButton text={command} what="the command" />
    </section>
  );
}

function Forget({ execution: { id, state }, formToken }: { execution: Execution; formToken: FormToken }) {
  if (state === 'running') return <p>It is running. It can be forgotten when it has ended.</p>;
  return (
    <details class="forget">
      <summary>Forget this execution…</summary>
      <p>
        The next request with its key <strong>runs upstream again</strong>. If this one had its effect, it
        will have it twice. There is no way back.
      </p>
      <OwnForm action={`${CONSOLE}/executions/${id}/forget`} formToken={formToken}>
        <button type="submit" class="danger">
          Forget it, let it run again
        </button>
      </OwnForm>
    </details>
  );
}

const REFUSED: Readonly<Record<RepeatRefusal, string>> = {
  'in-progress': 'in progress',
  'key-reused': 'another request, same key',
  'outcome-unknown': 'outcome unknown',
  'not-recorded': 'not recorded',
  'record-damaged': 'record damaged',
};

const CAUSES: Readonly<Record<UnknownCause, string>> = {
  'upstream-broke-off': 'The upstream broke off or fell silent while it ran',
  'gateway-restarted': 'The gateway was restarted while it ran',
  cancelled: 'It was cancelled while it ran, as all of its clients had left',
};

const EVENTS = {
  received: 'received, intent written',
  sent: 'sent upstream',
  head: 'upstream’s head arrived',
  recorded: 'recorded, last byte let go',
  archived: 'copied to RESULTS',
  'last-repeat': 'latest repeat',
  expires: 'time to live ends',
} as const;

function Entry({ entry, from, now }: { entry: TimelineEntry; from: string; now: number }) {
  const at = Date.parse(entry.at);
  const after = at - Date.parse(from);
  return (
    <li class={at > now ? 'ahead' : ''}>
      <Clock at={entry.at} now={now} />
      <span>{EVENTS[entry.event]}</span>
      <span class="ago">
        {entry.event === 'received' || entry.event === 'expires' || after < 0
          ? relativeText(at, now)
          : `+ ${durationText(after)}`}
      </span>
    </li>
  );
}

function Count({ name, value, slug }: { name: string; value: number; slug?: string }) {
  return (
    <tr class={value === 0 ? 'zero' : ''}>
      <th scope="row">{slug === undefined ? name : <a href={`../../problems/${slug}`}>{name}</a>}</th>
      <td class="number">{countText(value)}</td>
    </tr>
  );
}

/** What the state means for the next request, in words. */
function meaningOf(execution: ExecutionDetail, route: Route | undefined, now: number): Child {
  const until = <Clock at={execution.expiresAt} now={now} />;
  switch (execution.state) {
    case 'running':
      return route?.concurrent === 'reject'
        ? 'It is running upstream. A retry is refused with 409 in-progress until it has ended.'
        : 'It is running upstream. A retry joins it and gets the same response.';
    case 'completed':
      if (execution.place === 'elsewhere') {
        return `Nothing was done here: it answered ${execution.status}, which sends the client elsewhere with its request. A retry runs again; what comes elsewhere under this key is an execution of its own.`;
      }
      if (execution.refusals['record-damaged'] > 0) {
        return (
          <>
            It ran and answered {execution.status}, and its record is damaged: the log line record-damaged
            says where. A retry is refused with 409 record-damaged until {until}. Find out at the upstream: if
            it may run again, forget it below.
          </>
        );
      }
      return execution.place === 'nowhere' ? (
        <>
          It ran and answered {execution.status}, and its response was not recorded: it was too large, or
          there was no room. A retry is refused with 409 not-recorded until {until}.
        </>
      ) : (
        <>
          It ran once and answered {execution.status}. A retry gets the recorded response until {until}.
        </>
      );
    case 'unknown': {
      const why = CAUSES[execution.cause ?? 'upstream-broke-off'];
      return route?.unknownOutcome === 'refuse' ? (
        <>
          {why}, so nobody knows here whether it had its effect. Retries are refused with 409 outcome-unknown
          until {until}. Find out at the upstream: if it did not take place, forget it below and let the
          client retry; if it did, leave it.
        </>
      ) : (
        `${why}, so nobody knows here whether it had its effect. On this route a retry runs it again.`
      );
    }
  }
}
