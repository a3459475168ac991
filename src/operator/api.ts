/** @module The operator's API. Runs in: the Worker. */

import type { Context } from 'hono';
import * as v from 'valibot';
import type { Config } from '../config.ts';
import type { OperatorApp } from './app.ts';
import { FORGET_PROBLEMS, findExecution, forgetExecution } from './executions.ts';
import { FORGET_MAX, forgetMany, forgettable } from './forget-many.ts';
import { hashOfKey, listExecutions, listFailures } from './lists.ts';
import { METRICS_CONTENT_TYPE, metricsText } from './metrics.ts';
import { openApiDocument } from './openapi.ts';
import { operatorProblem } from './problem.ts';
import { executionId, failuresQuery, forgetManyQuery, KEY_FIELD, listQuery } from './schemas.ts';
import { minuteOf, summarize } from './summary.ts';

const RETRY_AFTER_SECONDS = '2';

/** The operator's API, and its description. */
export function addApi(app: OperatorApp, config: Config): void {
  app.get('/executions', async (c) => {
    const query = queryOf(c, listQuery);
    if (query instanceof Response) return query;
    const result = await listExecutions(config, query);
    if (result.kind === 'bad-query') return problem(400, result.why);
    // Tells a client that used the field that it was understood.
    c.header('vary', KEY_FIELD);
    return fresh(c, result.list);
  });

  app.delete('/executions', async (c) => {
    const given = queryOf(c, forgetManyQuery);
    if (given instanceof Response) return given;
    const { count, ...filter } = given;
    if (Object.keys(filter).length === 0) return problem(400, NO_FILTER);
    const found = await forgettable(config, filter);
    if (found.kind === 'bad-query') return problem(400, found.why);
    const { executions, more } = found.list;
    if (executions.length === 0 && more) return problem(409, NONE_FOUND);
    if (executions.length !== Number(count)) return problem(409, otherCount(executions.length, count));
    c.header('vary', KEY_FIELD);
    return fresh(c, await forgetMany(config, found.list));
  });

  app.get('/failures', async (c) => {
    const query = queryOf(c, failuresQuery);
    if (query instanceof Response) return query;
    const { key, ...rest } = query;
    const keyHash = key === undefined ? undefined : await hashOfKey(key);
    const result = await listFailures(config, { ...rest, keyHash });
    if (result.kind === 'bad-query') return problem(400, result.why);
    c.header('vary', KEY_FIELD);
    return fresh(c, result.list);
  });

  app.get('/executions/:id', async (c) => {
    const id = v.safeParse(executionId, c.req.param('id'));
    if (!id.success) return problem(400, whatIsWrong(id.issues));
    const result = await findExecution(config, id.output);
    switch (result.kind) {
      case 'found':
        return fresh(c, result.execution);
      case 'absent':
        return problem(404, 'No such execution: it was never seen, it failed, or its time has ended.');
      case 'unanswered':
        return problem(503, 'The ledger object that would know it does not answer. Try again.');
    }
  });

  app.delete('/executions/:id', async (c) => {
    const id = v.safeParse(executionId, c.req.param('id'));
    if (!id.success) return problem(400, whatIsWrong(id.issues));
    const result = await forgetExecution(config, id.output);
    if (result === 'forgotten') return c.body(null, 204);
    const [status, detail] = FORGET_PROBLEMS[result];
    return problem(status, detail);
  });

  app.get('/metrics', async (c) => {
    const text = metricsText(await summarize(config, minuteOf(Date.now())));
    return c.body(text, 200, { 'content-type': METRICS_CONTENT_TYPE, 'cache-control': 'no-store' });
  });

  app.get('/openapi.json', (c) => fresh(c, openApiDocument(new URL(c.req.url).origin)));
}

const NO_FILTER = 'Name what is to be forgotten, by a parameter at least: nothing here forgets everything.';

/** There may be more beyond what was looked through. */
const NONE_FOUND =
  'None that has ended was found among the newest; older ones may match. Nothing was forgotten. Narrow it by time, with `to` or `from`.';

function otherCount(matching: number, count: string): string {
  const match = matching === 1 ? '1 matches' : `${matching} match`;
  return `${match}, and count is ${count}. Nothing was forgotten. At most ${FORGET_MAX} are forgotten at once.`;
}

/** The parameters of a list, with a key that came in its field; or what is wrong with them. */
function queryOf<T extends v.GenericSchema>(c: Context, schema: T): v.InferOutput<T> | Response {
  const key = c.req.header(KEY_FIELD);
  const given = c.req.query();
  if (key !== undefined && given.key !== undefined) {
    return problem(400, `key is given twice, in the query and in ${KEY_FIELD}.`);
  }
  const query = v.safeParse(schema, key === undefined ? given : { ...given, key });
  return query.success ? query.output : problem(400, whatIsWrong(query.issues));
}

function problem(status: 400 | 404 | 409 | 503, detail: string): Response {
  return operatorProblem(status, detail, status === 503 ? { 'retry-after': RETRY_AFTER_SECONDS } : {});
}

function fresh(c: Context, value: object): Response {
  return c.json(value, 200, { 'cache-control': 'no-store' });
}

function whatIsWrong(issues: readonly v.BaseIssue<unknown>[]): string {
  const text = issues.map(({ message }) => message).join('; ');
  return text.endsWith('?') ? text : `${text}.`;
}
