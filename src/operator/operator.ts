/** @module The operator's surface: API, console and metrics, behind the token. Runs in: the Worker. */

import { Hono } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { secureHeaders } from 'hono/secure-headers';
import { reachLedger } from '../ask/ask.ts';
import type { Config } from '../config.ts';
import { log, textOf } from '../log.ts';
import { type Problem, problemResponse } from '../response/problem.ts';
import { OPERATOR_PREFIX } from '../settings.ts';
import { AdminToken } from './admin-token.ts';
import { addApi } from './api.ts';
import type { OperatorApp, OperatorEnv } from './app.ts';
import { judgeOf, needsToken } from './auth.ts';
import { addAccess } from './console/access.tsx';
import { addConsole } from './console/console.tsx';
import { addConsoleFiles } from './console/files.ts';
import { Logins } from './login.ts';
import { LoginCounts } from './login-counts.ts';
import { LoginThrottle } from './login-throttle.ts';
import { isLoopback, isOperatorHost } from './operator-host.ts';
import { UpstreamGuard } from './upstream-guard.ts';

/** Failed logins are counted in this ledger object of the first route, as they belong to none. */
const LOGINS_SHARD = 0;

/** What is under the operator’s prefix. */
export interface OperatorSurface {
  readonly app: OperatorApp;
  /** Keeps the upstream from the operator's token and console; `null` where there is neither. */
  readonly guard: UpstreamGuard | null;
}

/** The operator's API and console, behind ADMIN_TOKEN. Without that secret there is none. */
export function operatorSurface(config: Config): OperatorSurface {
  const { adminToken, operatorHost } = config;
  const app: OperatorApp = new Hono<OperatorEnv>().basePath(OPERATOR_PREFIX);
  if (adminToken === null) return { app, guard: null };
  const token = new AdminToken(adminToken);
  const logins = new Logins(adminToken);
  const counts = new LoginCounts(async (failures) => {
    const [home] = config.routes;
    if (home !== undefined) await reachLedger(config, home, LOGINS_SHARD).countLogins(failures);
  });
  const judge = judgeOf(token, new LoginThrottle(), counts, config.events);

  app.onError(failed);
  if (operatorHost !== null) {
    app.use(async (c, next) => {
      const url = new URL(c.req.url);
      if (isOperatorHost(operatorHost, url)) return next();
      return problemResponse(url, noSurface(url, config));
    });
  }
  app.use(protectedFromOtherSites);
  addConsoleFiles(app);
  addAccess(app, judge, logins, operatorHost !== null);
  addConsole(app, config);
  app.use(needsToken(judge));
  addApi(app, config);
  return { app, guard: new UpstreamGuard(token, logins, operatorHost === null) };
}

/**
 * The answer where the operator's surface has nothing. On localhost it says how to switch the surface on:
 * somebody is trying the gateway out.
 */
export function noSurface(url: URL, { adminToken }: Config): Problem {
  const how =
    adminToken === null && isLoopback(url)
      ? ' ADMIN_TOKEN is not set, so there is no console and no API for the operator. Put a line ADMIN_TOKEN=… with 16 characters or more into .dev.vars, and start again.'
      : '';
  return { slug: 'route-not-found', detail: `No route matches ${url.pathname}.${how}` };
}

const protectedFromOtherSites = secureHeaders({
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
  // A page of the upstream, on the same origin, that opens the console gets no hold of its window (see
  // UpstreamGuard).
  crossOriginOpenerPolicy: 'same-origin',
  // The host is the gateway's, and its policy for HTTPS is not for the console to set.
  strictTransportSecurity: false,
});

/** A refusal by a middleware is the answer. Anything else is a defect, and goes into the log. */
function failed(error: Error): Response {
  if (error instanceof HTTPException) return error.getResponse();
  log('error', 'operator-failed', { reason: textOf(error), stack: error.stack ?? null });
  return new Response('The gateway has a defect here. Its log says more.\n', { status: 500 });
}
