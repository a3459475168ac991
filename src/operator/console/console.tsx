import type { Context } from 'hono';
import type { Child } from 'hono/jsx';
import * as v from 'valibot';
import type { Config } from '../../config.ts';
import type { OperatorApp, OperatorEnv } from '../app.ts';
import { documentOf } from '../document.tsx';
import { FORGET_PROBLEMS, findExecution, forgetExecution } from '../executions.ts';
import { hashOfKey, type ListResult, listExecutions } from '../lists.ts';
import { executionId, listQuery, strictQuery } from '../schemas.ts';
import { summarize } from '../summary.ts';
import { ConfigurationPage } from './configuration-page.tsx';
import { ExecutionPage } from './execution-page.tsx';
import { ExecutionsPage, type Sought } from './executions-page.tsx';
import { firstMinute, isWindowName, Overview } from './overview.tsx';
import { CONSOLE, Page, type Section } from './page.tsx';

/** So many of the newest executions are on the overview. */
const RECENT = 10;

type ConsoleContext = Context<OperatorEnv>;

type Answer = Promise<Response>;

/** The console's pages. They are whole without a script; the script refreshes them. */
export function addConsole(app: OperatorApp, config: Config): void {
  app.get('', (c) => overview(c, config));
  app.get('/console/executions', (c) => executions(c, config));
  app.post('/console/executions', (c) => executionsOfKey(c, config));
  app.get('/console/executions/:id', (c) => execution(c, config, c.req.param('id')));
  app.post('/console/executions/:id/forget', (c) => forget(c, config, c.req.param('id')));
  app.get('/console/forgotten', (c) =>
    page(c, { title: 'Forgotten', section: 'Executions' }, <Message {...MESSAGES.forgotten} />),
  );
  app.get('/console/configuration', (c) =>
    page(c, { title: 'Configuration', section: 'Configuration' }, <ConfigurationPage config={config} />),
  );
  app.all('/console/*', (c) =>
    page(c, { title: 'No such page', section: 'Overview' }, <Message {...MESSAGES.noPage} />, 404),
  );
}

async function overview(c: ConsoleContext, config: Config): Answer {
  const now = Date.now();
  const wanted = c.req.query('window') ?? '1h';
  const windowName = isWindowName(wanted) ? wanted : '1h';
  const [summaries, recent] = await Promise.all([
    summarize(config, firstMinute(windowName, now)),
    listExecutions(config, { limit: String(RECENT) }),
  ]);
  const list = recent.kind === 'list' ? recent.list : { executions: [], next: null, unanswered: [] };
  const { origin } = new URL(c.req.url);
  return page(
    c,
    { title: 'Overview', section: 'Overview', live: true },
    <Overview summaries={summaries} recent={list} windowName={windowName} origin={origin} now={now} />,
  );
}

async function executions(c: ConsoleContext, config: Config): Answer {
  // A form sends its empty fields too.
  const sought = Object.fromEntries(Object.entries(c.req.query()).filter(([, value]) => value !== ''));
  const query = v.safeParse(consoleQuery, sought);
  const result = query.success
    ? await listExecutions(config, query.output)
    : { kind: 'bad-query' as const, why: query.issues.map(({ message }) => message).join('; ') };
  return executionsPage(c, config, sought, undefined, result);
}

/** The key is in the body, as what is in a query is kept in logs and in the browser's history. */
async function executionsOfKey(c: ConsoleContext, config: Config): Answer {
  const { key } = await c.req.parseBody();
  const query = v.safeParse(v.pick(listQuery, ['key', 'limit']), { key });
  if (!query.success || query.output.key === undefined) return c.redirect(`${CONSOLE}/executions`, 303);
  const result = await listExecutions(config, query.output);
  const [only, another] = result.kind === 'list' ? result.list.executions : [];
  const all = result.kind === 'list' && result.list.unanswered.length === 0;
  if (all && only !== undefined && another === undefined) {
    return c.redirect(`${CONSOLE}/executions/${only.id}`, 303);
  }
  const keyHash = await hashOfKey(query.output.key);
  return executionsPage(c, config, { keyHash }, query.output.key, result);
}

async function execution(c: ConsoleContext, config: Config, given: string): Answer {
  const id = v.safeParse(executionId, given);
  const found = id.success ? await findExecution(config, id.output) : { kind: 'absent' as const };
  const head = { title: 'Execution', section: 'Executions' } as const;
  switch (found.kind) {
    case 'found': {
      const route = config.routes.find(({ path }) => path === found.execution.route);
      const formToken = c.get('formToken');
      return page(
        c,
        { ...head, live: true },
        <ExecutionPage execution={found.execution} route={route} formToken={formToken} now={Date.now()} />,
      );
    }
    case 'absent':
      return page(c, head, <Message {...MESSAGES.absent} />, 404);
    case 'unanswered':
      return page(c, head, <Message {...MESSAGES.unanswered} />, 503);
  }
}

async function forget(c: ConsoleContext, config: Config, given: string): Answer {
  const id = v.safeParse(executionId, given);
  const result = id.success ? await forgetExecution(config, id.output) : 'absent';
  if (result === 'forgotten') return c.redirect(`${CONSOLE}/forgotten`, 303);
  const [status, detail] = FORGET_PROBLEMS[result];
  const head = { title: 'Not forgotten', section: 'Executions' } as const;
  return page(c, head, <Message title="It was not forgotten" detail={detail} />, status);
}

const MESSAGES = {
  absent: {
    title: 'There is no such execution',
    detail:
      'It was never seen, it failed, its time has ended, or it was forgotten. A request with its key runs upstream.',
  },
  unanswered: {
    title: 'The ledger does not answer',
    detail: 'The ledger object that would know this execution does not answer. Try again.',
  },
  forgotten: {
    title: 'It is forgotten',
    detail: 'The next request with its key runs upstream.',
  },
  noPage: {
    title: 'There is no such page',
    detail: 'The console has no page with this address.',
  },
} as const;

function Message({ title, detail }: { title: string; detail: string }) {
  return (
    <>
      <h1>{title}</h1>
      <p class="lede">{detail}</p>
      <p>
        <a href={`${CONSOLE}/executions`}>All executions</a>
      </p>
    </>
  );
}

interface PageHead {
  readonly title: string;
  readonly section: Section;
  readonly soughtKey?: string | undefined;
  readonly live?: boolean;
}

/** What a list can be narrowed to. A key stands in a URL by its digest only, as it does in the log. */
const consoleQuery = strictQuery({
  ...v.omit(listQuery, ['key']).entries,
  keyHash: v.optional(v.pipe(v.string(), v.regex(/^[\w-]{43}$/, 'This is no digest of a key.'))),
});

function executionsPage(
  c: ConsoleContext,
  config: Config,
  sought: Sought,
  soughtKey: string | undefined,
  result: ListResult,
): Response | Promise<Response> {
  return page(
    c,
    { title: 'Executions', section: 'Executions', soughtKey },
    <ExecutionsPage
      config={config}
      sought={sought}
      soughtKey={soughtKey}
      result={result.kind === 'list' ? result.list : result.why}
      now={Date.now()}
    />,
    result.kind === 'list' ? 200 : 400,
  );
}

function page(
  c: ConsoleContext,
  head: PageHead,
  content: Child,
  status: 200 | 400 | 404 | 409 | 503 = 200,
): Response | Promise<Response> {
  const { host } = new URL(c.req.url);
  c.header('cache-control', 'no-store');
  return c.html(
    documentOf(
      <Page {...head} host={host} formToken={c.get('formToken')}>
        {content}
      </Page>,
    ),
    status,
  );
}
