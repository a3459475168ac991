import { Hono } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { BlankEnv, BlankSchema } from 'hono/types';
import type { Config } from '../config.ts';
import { log, textOf } from '../log.ts';
import { OPERATOR_PREFIX } from '../settings.ts';
import { addApi } from './api.ts';
import { needsToken } from './auth.ts';
import { addConsole } from './console/console.tsx';

/** Its paths begin with the operator's prefix. The empty one is that prefix with a slash at its end. */
export type OperatorApp = Hono<BlankEnv, BlankSchema, string>;

/** The operator's API and console, behind ADMIN_TOKEN. Without that secret there is none. */
export function operatorApp(config: Config): OperatorApp {
  const app: OperatorApp = new Hono().basePath(OPERATOR_PREFIX);
  if (config.adminToken === null) return app;
  app.onError(failed);
  app.use(needsToken(config.adminToken));
  addApi(app, config);
  addConsole(app, config);
  return app;
}

/** A refusal of a middleware is answered as it says; anything else is a defect, and goes into the log. */
function failed(error: Error): Response {
  if (error instanceof HTTPException) return error.getResponse();
  log('error', 'operator-failed', { reason: textOf(error), stack: error.stack ?? null });
  return new Response('The gateway has a defect here. Its log says more.\n', { status: 500 });
}
