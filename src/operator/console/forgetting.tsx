/** @module The pages by which many executions are forgotten. Runs in: the Worker. */

import * as v from 'valibot';
import type { Config } from '../../config.ts';
import type { OperatorApp } from '../app.ts';
import { forgetMany, forgettable } from '../forget-many.ts';
import { filterParameters, keyDigest, strictQuery } from '../schemas.ts';
import { FILTERS } from './filters.ts';
import { ForgetPage, ForgottenPage } from './forget-page.tsx';
import { FORM_TOKEN_FIELD } from './page.tsx';
import { type Answer, type ConsoleContext, Message, page } from './page-response.tsx';

const { key: _, ...parameters } = filterParameters;
const filterQuery = strictQuery({ ...parameters, keyHash: keyDigest });

const HEAD = { title: 'Forget', section: 'Executions' } as const;

/** The pages by which all executions that match are forgotten: how many there are, and what became of it. */
export function addForgetting(app: OperatorApp, config: Config): void {
  app.get('/console/forget', (c) => ask(c, config, c.req.query(), undefined));
  app.post('/console/forget', async (c) => {
    const { count, [FORM_TOKEN_FIELD]: _, ...given } = await c.req.parseBody<Record<string, string>>();
    return ask(c, config, given, typeof count === 'string' ? count.trim() : '');
  });
}

async function ask(
  c: ConsoleContext,
  config: Config,
  given: Readonly<Record<string, string>>,
  typed: string | undefined,
): Answer {
  const query = v.safeParse(filterQuery, given);
  if (!query.success) {
    return refused(c, query.issues.map(({ message }) => message).join('; '));
  }
  if (!FILTERS.some((name) => query.output[name] !== undefined)) {
    return refused(c, 'Narrow the list first: nothing here forgets everything.');
  }
  // What comes from now on does not count: the number that is typed stays the right one.
  const now = Date.now();
  const params = { ...query.output, to: query.output.to ?? new Date(now).toISOString() };
  const found = await forgettable(config, params);
  if (found.kind === 'bad-query') return refused(c, found.why);
  if (typed !== undefined && Number(typed) === found.list.executions.length) {
    const answer = await forgetMany(config, found.list);
    return page(c, HEAD, <ForgottenPage params={query.output} answer={answer} />);
  }
  const formToken = c.get('formToken');
  return page(
    c,
    HEAD,
    <ForgetPage params={params} found={found.list} typed={typed} formToken={formToken} now={now} />,
    typed === undefined ? 200 : 409,
  );
}

function refused(c: ConsoleContext, why: string): Answer {
  return page(c, HEAD, <Message title="Nothing was forgotten" detail={why} />, 400);
}
