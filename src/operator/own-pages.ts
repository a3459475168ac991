import type { Hono } from 'hono';
import type { Config } from '../config.ts';
import { problemResponse } from '../response/problem.ts';
import { OPERATOR_PREFIX } from '../settings.ts';
import { health } from './health.ts';
import { noSurface, operatorSurface } from './operator.ts';
import { problemPage } from './problem-page.tsx';
import type { UpstreamGuard } from './upstream-guard.ts';

/** Adds all that is under the operator's prefix: what is public, and the operator's surface, with what keeps the upstream from it. */
export function addOwnPages(app: Hono<{ Bindings: object }>, config: Config): UpstreamGuard | null {
  app.get(`${OPERATOR_PREFIX}/health`, health);
  app.get(`${OPERATOR_PREFIX}/problems/:slug`, problemPage);
  const operator = operatorSurface(config);
  app.route('/', operator.app);
  app.all(`${OPERATOR_PREFIX}/*`, (c) => {
    const url = new URL(c.req.url);
    return problemResponse(url, noSurface(url, config));
  });
  return operator.guard;
}
