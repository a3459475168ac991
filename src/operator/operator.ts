import { Hono } from 'hono';
import type { Config } from '../config.ts';
import { addApi } from './api.ts';
import { needsToken } from './auth.ts';
import { addConsole } from './console/console.tsx';

/** The operator's API and console, behind ADMIN_TOKEN. Without that secret there is none. */
export function operatorApp(config: Config): Hono {
  const app = new Hono();
  if (config.adminToken === null) return app;
  app.use(needsToken(config.adminToken));
  addApi(app, config);
  addConsole(app, config);
  return app;
}
