/** @module Who may use the operator's API. Runs in: the Worker. */

import type { Context, MiddlewareHandler } from 'hono';
import { log } from '../log.ts';
import { OPERATOR_PREFIX } from '../settings.ts';
import { type AdminToken, basicPassword, bearerToken } from './admin-token.ts';
import { recordEvent } from './events.ts';
import type { LoginCounts } from './login-counts.ts';
import { type Attempt, addressOf, type LoginThrottle } from './login-throttle.ts';
import { operatorProblem } from './problem.ts';

/**
 * What a 401 asks for. Never Basic: a browser would ask for a password, and then send it to all of the
 * origin, which the upstream shares.
 */
export const CHALLENGE = 'Bearer realm="Oncegate"';

/** Judges a token that a request presents, and tells the operator of each wrong one. */
export type Judge = (c: Context, presented: string) => Attempt;

/**
 * A judge that slows guessing down, counts failures, and writes each into the log and to Analytics Engine.
 */
export function judgeOf(
  token: AdminToken,
  throttle: LoginThrottle,
  counts: LoginCounts,
  events: AnalyticsEngineDataset | null,
): Judge {
  return (c, presented) => {
    const address = addressOf(c.req.raw.headers);
    const attempt = throttle.attempt(address, () => token.is(presented));
    if (attempt.kind !== 'right') counts.add(attempt.kind, (promise) => c.executionCtx.waitUntil(promise));
    if (attempt.kind === 'wrong') {
      const { failures, turnedAway } = attempt;
      log('warn', 'operator-login-failed', { address, failures, turnedAway });
      recordEvent(events, {
        route: OPERATOR_PREFIX,
        outcome: 'operator-login-failed',
        status: 401,
        shard: null,
        ms: 0,
      });
    }
    return attempt;
  };
}

/**
 * Lets a program through that presents the token: as Bearer, or as the password of Basic credentials that it
 * sends unasked. A login's cookie does not open the API: a page of the upstream could use it there.
 */
export function needsToken(judge: Judge): MiddlewareHandler {
  return async (c, next) => {
    const request = c.req.raw;
    const presented = bearerToken(request) ?? basicPassword(request);
    if (presented === null) return unauthorized('This needs ADMIN_TOKEN, as a Bearer token.');
    const attempt = judge(c, presented);
    switch (attempt.kind) {
      case 'right':
        return next();
      case 'wrong':
        return unauthorized('This is not the ADMIN_TOKEN of this gateway.');
      case 'wait': {
        const { seconds } = attempt;
        const detail = `Too many wrong tokens came from here. Try again in ${seconds} s.`;
        return operatorProblem(429, detail, { 'retry-after': String(seconds) });
      }
    }
  };
}

function unauthorized(detail: string): Response {
  return operatorProblem(401, detail, { 'www-authenticate': CHALLENGE });
}
