/** @module All that is under the operator's prefix. Runs in: the Worker. */

import type { Hono } from 'hono';
import type { Config } from '../config.ts';
import { problemResponse } from '../response/problem.ts';
import { OPERATOR_PREFIX } from '../settings.ts';
import { health } from './health.ts';
import { noSurface, type OperatorSurface } from './operator.ts';
import { problemPage } from './problem-page.tsx';

/** Adds all that is under the operator's prefix: what is public, and the operator's surface. */
export function addOwnPages(
  app: Hono<{ Bindings: object }>,
  config: Config,
  operator: OperatorSurface,
): void {
  app.get(`${OPERATOR_PREFIX}/health`, health);
  app.get(`${OPERATOR_PREFIX}/problems/:slug`, problemPage);
  app.route('/', operator.app);
  app.all(`${OPERATOR_PREFIX}/*`, (c) => {
    const url = new URL(c.req.url);
    return problemResponse(url, noSurface(url, config));
  });
}
