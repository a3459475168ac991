import type { Context } from 'hono';
import { etag } from 'hono/etag';
import type { Child } from 'hono/jsx';
import * as v from 'valibot';
import type { Config } from '../../config.ts';
import { OPERATOR_PREFIX } from '../../settings.ts';
import type { OperatorApp, OperatorEnv } from '../app.ts';
import { documentOf } from '../document.tsx';
import {
  FORGET_PROBLEMS,
  findExecution,
  forgetExecution,
  hashOfKey,
  type ListResult,
  listExecutions,
} from '../executions.ts';
import { executionId, listQuery, strictQuery } from '../schemas.ts';
import { summarize } from '../summary.ts';
import { ConfigurationPage } from './configuration-page.tsx';
import { ExecutionPage } from './execution-page.tsx';
import { ExecutionsPage, type Sought } from './executions-page.tsx';
import { ICON } from './icon.ts';
import { LIVE_SCRIPT } from './live-script.ts';
import { firstMinute, isWindowName, Overview } from './overview.tsx';
import { CONSOLE, Page, type Section } from './page.tsx';
import { STYLE } from './style.ts';

const RECENT = 10;

type ConsoleContext = Context<OperatorEnv>;

/** What a page without a login needs, too. Nothing of it is a secret. */
export function addConsoleFiles(app: OperatorApp): void {
  app.get('/', (c) => c.redirect(`${OPERATOR_PREFIX}/`));
  app.get('/console/console.css', etag(), (c) => file(c, STYLE, 'text/css; charset=utf-8'));
  app.get('/console/console.js', etag(), (c) => file(c, LIVE_SCRIPT, 'text/javascript; charset=utf-8'));
  app.get('/console/icon.svg', etag(), (c) => file(c, ICON, 'image/svg+xml'));
}

/** The console's pages. They are whole without a script; the script refreshes them. */
export function addConsole(app: OperatorApp, config: Config): void {
  app.get('', async (c) => {
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
  });

  app.get('/console/executions', async (c) => {
    // A form sends its empty fields too.
    const sought = Object.fromEntries(Object.entries(c.req.query()).filter(([, value]) => value !== ''));
    const query = v.safeParse(consoleQuery, sought);
    const result = query.success
      ? await listExecutions(config, query.output)
      : { kind: 'bad-query' as const, why: query.issues.map(({ message }) => message).join('; ') };
    return executionsPage(c, config, sought, undefined, result);
  });

  // The key is in the body, as what is in a query is kept in logs and in the browser's history.
  app.post('/console/executions', async (c) => {
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
  });

  app.get('/console/executions/:id', async (c) => {
    const id = v.safeParse(executionId, c.req.param('id'));
    const found = id.success ? await findExecution(config, id.output) : { kind: 'absent' as const };
    const title = 'Execution';
    if (found.kind === 'found') {
      const { execution } = found;
      const route = config.routes.find(({ path }) => path === execution.route);
      return page(
        c,
        { title, section: 'Executions', live: true },
        <ExecutionPage execution={execution} route={route} formToken={c.get('formToken')} now={Date.now()} />,
      );
    }
    return found.kind === 'absent'
      ? page(c, { title, section: 'Executions' }, <Message {...FORGET_MESSAGES.absent} />, 404)
      : page(c, { title, section: 'Executions' }, <Message {...FORGET_MESSAGES.unanswered} />, 503);
  });

  app.post('/console/executions/:id/forget', async (c) => {
    const id = v.safeParse(executionId, c.req.param('id'));
    const result = id.success ? await forgetExecution(config, id.output) : 'absent';
    if (result === 'forgotten') return c.redirect(`${CONSOLE}/forgotten`, 303);
    const [status, detail] = FORGET_PROBLEMS[result];
    return page(
      c,
      { title: 'Not forgotten', section: 'Executions' },
      <Message title="It was not forgotten" detail={detail} />,
      status,
    );
  });

  app.get('/console/forgotten', (c) =>
    page(c, { title: 'Forgotten', section: 'Executions' }, <Message {...FORGET_MESSAGES.forgotten} />),
  );

  app.get('/console/configuration', (c) =>
    page(c, { title: 'Configuration', section: 'Configuration' }, <ConfigurationPage config={config} />),
  );

  app.all('/console/*', (c) =>
    page(
      c,
      { title: 'No such page', section: 'Overview' },
      <Message title="There is no such page" detail="The console has no page with this address." />,
      404,
    ),
  );
}

const FORGET_MESSAGES = {
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

/** Asked for anew on each page, and answered with 304 while it is the same. */
function file(c: Context, text: string, contentType: string): Response {
  return c.body(text, 200, { 'content-type': contentType, 'cache-control': 'private, no-cache' });
}
