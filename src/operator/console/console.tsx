/** @module The console's pages, and what each asks the ledger. Runs in: the Worker. */

import * as v from 'valibot';
import type { Config } from '../../config.ts';
import type { OperatorApp } from '../app.ts';
import { FORGET_PROBLEMS, findExecution, forgetExecution } from '../executions.ts';
import { hashOfKey, type ListResult, listExecutions, listFailures } from '../lists.ts';
import { executionId, failuresQuery, keyDigest, listQuery, strictQuery } from '../schemas.ts';
import { overviewOf } from '../summary.ts';
import { ConfigurationPage } from './configuration-page.tsx';
import { ExecutionPage } from './execution-page.tsx';
import { ExecutionsPage } from './executions-page.tsx';
import { FailuresPage } from './failures-page.tsx';
import type { ListParams } from './filters.ts';
import { addForgetting } from './forgetting.tsx';
import { firstMinute, isWindowName, Overview, WINDOWS } from './overview.tsx';
import { CONSOLE, PAGE_TOKEN_HEADER } from './page.tsx';
import { type Answer, type ConsoleContext, Message, page } from './page-response.tsx';

/** The newest executions on the overview. */
const RECENT = 10;

/** The last failures on their page. */
const FAILURES = 200;

/** The console's pages. They work without a script; the script refreshes them. */
export function addConsole(app: OperatorApp, config: Config): void {
  app.get('', (c) => overview(c, config));
  app.get('/console/executions', (c) => executions(c, config));
  app.post('/console/executions', (c) => executionsOfKey(c, config));
  app.get('/console/executions/:id', (c) => execution(c, config, c.req.param('id')));
  app.post('/console/executions/:id/forget', (c) => forget(c, config, c.req.param('id')));
  app.get('/console/failures', (c) => failures(c, config));
  addForgetting(app, config);
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
  const { summaries, recent } = await overviewOf(config, {
    sinceMinute: firstMinute(windowName, now),
    minutesAtOnce: WINDOWS[windowName].minutesPerBar,
    newest: RECENT,
  });
  const { origin } = new URL(c.req.url);
  return page(
    c,
    { title: 'Overview', section: 'Overview', live: true },
    <Overview summaries={summaries} recent={recent} windowName={windowName} origin={origin} now={now} />,
  );
}

async function executions(c: ConsoleContext, config: Config): Answer {
  const params = givenIn(c);
  const query = v.safeParse(consoleQuery, params);
  // A page that refreshes itself asks each ledger object once.
  const looks = c.req.header(PAGE_TOKEN_HEADER) === undefined ? undefined : 1;
  const result = query.success
    ? await listExecutions(config, query.output, looks)
    : { kind: 'bad-query' as const, why: query.issues.map(({ message }) => message).join('; ') };
  return executionsPage(c, config, params, undefined, result);
}

async function failures(c: ConsoleContext, config: Config): Answer {
  const given = givenIn(c);
  const query = v.safeParse(v.omit(failuresQuery, ['key']), { limit: String(FAILURES), ...given });
  const result = query.success
    ? await listFailures(config, query.output)
    : { kind: 'bad-query' as const, why: query.issues.map(({ message }) => message).join('; ') };
  return page(
    c,
    { title: 'Failures', section: 'Failures', live: true },
    <FailuresPage
      config={config}
      route={given.route}
      result={result.kind === 'list' ? result.list : result.why}
      now={Date.now()}
    />,
    result.kind === 'list' ? 200 : 400,
  );
}

/** A form sends its empty fields too. */
function givenIn(c: ConsoleContext): Record<string, string> {
  return Object.fromEntries(Object.entries(c.req.query()).filter(([, value]) => value !== ''));
}

/** The key comes in the body: queries are kept in logs and in the browser's history. */
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
        <ExecutionPage
          execution={found.execution}
          route={route}
          gate={config.operatorHost === null ? new URL(c.req.url).origin : 'https://GATE'}
          formToken={formToken}
          now={Date.now()}
        />,
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

/** The parameters of a list's page. Of a key, a URL has the digest only, as has the log. */
const consoleQuery = strictQuery({
  ...v.omit(listQuery, ['key']).entries,
  keyHash: keyDigest,
  trail: v.optional(v.pipe(v.string(), v.maxLength(4_000, 'This is no trail of pages.'))),
});

async function executionsPage(
  c: ConsoleContext,
  config: Config,
  params: ListParams,
  searchedKey: string | undefined,
  result: ListResult,
): Answer {
  const { keyHash, cursor } = params;
  const isNothing = result.kind === 'list' && result.list.executions.length === 0;
  const failed =
    isNothing && keyHash !== undefined && cursor === undefined
      ? await listFailures(config, { keyHash, limit: String(FAILURES) })
      : null;
  return page(
    c,
    // The result of a form cannot be asked for again, and what is older changes little.
    {
      title: 'Executions',
      section: 'Executions',
      searchedKey,
      live: searchedKey === undefined && cursor === undefined,
    },
    <ExecutionsPage
      config={config}
      params={params}
      searchedKey={searchedKey}
      result={result.kind === 'list' ? result.list : result.why}
      failures={failed?.kind === 'list' ? failed.list.failures : []}
      now={Date.now()}
    />,
    result.kind === 'list' ? 200 : 400,
  );
}
