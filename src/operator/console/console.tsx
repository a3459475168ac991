import type { Context } from 'hono';
import { csrf } from 'hono/csrf';
import { etag } from 'hono/etag';
import type { Child } from 'hono/jsx';
import { secureHeaders } from 'hono/secure-headers';
import * as v from 'valibot';
import type { Config } from '../../config.ts';
import { OPERATOR_PREFIX } from '../../settings.ts';
import { FORGET_PROBLEMS } from '../api.ts';
import { findExecution, forgetExecution, hashOfKey, listExecutions } from '../executions.ts';
import type { OperatorApp } from '../operator.ts';
import { executionId, listQuery } from '../schemas.ts';
import { summarize } from '../summary.ts';
import { ConfigurationPage } from './configuration-page.tsx';
import { ExecutionPage } from './execution-page.tsx';
import { ExecutionsPage } from './executions-page.tsx';
import { ICON } from './icon.ts';
import { LIVE_SCRIPT } from './live-script.ts';
import { firstMinute, isWindowName, Overview } from './overview.tsx';
import { CONSOLE, Page, type Section } from './page.tsx';
import { STYLE } from './style.ts';

const RECENT = 10;

/** The console's pages. They are whole without a script; the script refreshes them. */
export function addConsole(app: OperatorApp, config: Config): void {
  const guarded = [
    secureHeaders({
      contentSecurityPolicy: {
        defaultSrc: ["'none'"],
        styleSrc: ["'self'"],
        scriptSrc: ["'self'"],
        imgSrc: ["'self'"],
        connectSrc: ["'self'"],
        formAction: ["'self'"],
        baseUri: ["'none'"],
        frameAncestors: ["'none'"],
      },
      referrerPolicy: 'same-origin',
      xFrameOptions: 'DENY',
      // The host is the gateway's, and its policy for HTTPS is not for the console to set.
      strictTransportSecurity: false,
    }),
    csrf(),
  ] as const;
  app.use('', ...guarded);
  app.use('/console/*', ...guarded);

  app.get('/', (c) => c.redirect(`${OPERATOR_PREFIX}/`));

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
    const given = Object.entries(c.req.query()).filter(([, value]) => value !== '');
    const sought = Object.fromEntries(given);
    const query = v.safeParse(listQuery, sought);
    const result = query.success
      ? await listExecutions(config, query.output)
      : { kind: 'bad-query' as const, why: query.issues.map(({ message }) => message).join('; ') };
    const [only, another] = result.kind === 'list' ? result.list.executions : [];
    const all = result.kind === 'list' && result.list.unanswered.length === 0;
    if (sought.key !== undefined && all && only !== undefined && another === undefined) {
      return c.redirect(`${CONSOLE}/executions/${only.id}`);
    }
    return page(
      c,
      { title: 'Executions', section: 'Executions', soughtKey: sought.key },
      <ExecutionsPage
        config={config}
        sought={{ key: sought.key, state: sought.state, route: sought.route }}
        result={result.kind === 'list' ? result.list : result.why}
        keyHash={sought.key === undefined ? null : await hashOfKey(sought.key)}
        now={Date.now()}
      />,
      result.kind === 'list' ? 200 : 400,
    );
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
        <ExecutionPage execution={execution} route={route} now={Date.now()} />,
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

  app.get('/console/console.css', etag(), (c) => file(c, STYLE, 'text/css; charset=utf-8'));
  app.get('/console/console.js', etag(), (c) => file(c, LIVE_SCRIPT, 'text/javascript; charset=utf-8'));
  app.get('/console/icon.svg', etag(), (c) => file(c, ICON, 'image/svg+xml'));
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

function page(
  c: Context,
  head: PageHead,
  content: Child,
  status: 200 | 400 | 404 | 409 | 503 = 200,
): Response | Promise<Response> {
  const { host } = new URL(c.req.url);
  c.header('cache-control', 'no-store');
  return c.html(
    <Page {...head} host={host}>
      {content}
    </Page>,
    status,
  );
}

/** Asked for anew on each page, and answered with 304 while it is the same. */
function file(c: Context, text: string, contentType: string): Response {
  return c.body(text, 200, { 'content-type': contentType, 'cache-control': 'private, no-cache' });
}
