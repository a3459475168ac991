/** @module Keeps the operator's token and login from the upstream. Runs in: the Worker. */

import { log } from '../log.ts';
import { cacheStatus } from '../response/cache-status.ts';
import { type Problem, problemResponse } from '../response/problem.ts';
import type { AdminToken } from './admin-token.ts';
import { LOGIN_COOKIE, type Logins } from './login.ts';
import { addressOf } from './login-throttle.ts';

const COOP = 'cross-origin-opener-policy';

/**
 * Under these values a browser keeps a document in another group of windows than the console, which has
 * `same-origin`.
 */
const APART: ReadonlySet<string> = new Set([
  'unsafe-none',
  'same-origin-allow-popups',
  'noopener-allow-popups',
]);

/** With one of these, `same-origin` is another policy than the console's, and so apart from it as well. */
const ISOLATING: ReadonlySet<string> = new Set(['require-corp', 'credentialless']);

/**
 * Stands between the operator and the upstream. A request that carries the operator's token or login does not
 * go upstream. Where both share an origin, the upstream can register no service worker, and has no window
 * from which it could read the console.
 */
export class UpstreamGuard {
  readonly #token: AdminToken;
  readonly #logins: Logins;
  readonly #sharesOrigin: boolean;

  constructor(token: AdminToken, logins: Logins, sharesOrigin: boolean) {
    this.#token = token;
    this.#logins = logins;
    this.#sharesOrigin = sharesOrigin;
  }

  /** Answers a request that is not for the operator's surface, unless it must not go on. */
  async around(request: Request, pass: () => Promise<Response>): Promise<Response> {
    const { headers } = request;
    if (this.#token.isCarriedBy(request)) return misplaced(request);
    const cookie = headers.get('cookie');
    // The cookie's path keeps a browser from sending it here.
    if (cookie?.includes(LOGIN_COOKIE) && (await this.#logins.find(cookie)) !== null) {
      return misplaced(request);
    }
    return this.keptApart(request, pass);
  }

  /**
   * Answers a request with something of the upstream's, which a browser must not take for a part of the
   * console.
   */
  async keptApart(request: Request, pass: () => Promise<Response>): Promise<Response> {
    if (!this.#sharesOrigin) return pass();
    if (request.headers.has('service-worker')) return refused(request, SERVICE_WORKER);
    const response = await pass();
    keepApart(response.headers);
    return response;
  }
}

/**
 * A document with the console's own opener policy could open the console and read it. It gets the next weaker
 * one, which keeps it apart from other origins and from the console all the same.
 */
function keepApart(headers: Headers): void {
  const policy = headers.get(COOP);
  if (policy === null || APART.has(policy)) return;
  if (policy === 'same-origin' && ISOLATING.has(headers.get('cross-origin-embedder-policy') ?? '')) return;
  headers.set(COOP, 'same-origin-allow-popups');
}

const MISPLACED: Problem = {
  slug: 'not-passed-on',
  detail:
    'This request carries the operator’s token or login, and its path is none of the operator’s. Nothing was sent upstream. Is the base URL right? The operator’s paths begin with /_oncegate/.',
};

const SERVICE_WORKER: Problem = {
  slug: 'not-passed-on',
  detail:
    'A service worker of the upstream could replace the operator’s console, which is on the same origin. Nothing was sent upstream. With OPERATOR_HOST the console gets a host of its own, and service workers are passed on.',
};

function misplaced(request: Request): Response {
  log('warn', 'operator-token-misplaced', { address: addressOf(request.headers) });
  return refused(request, MISPLACED);
}

function refused(request: Request, problem: Problem): Response {
  return problemResponse(new URL(request.url), {
    ...problem,
    cacheStatus: cacheStatus({ kind: 'refused', reason: problem.slug }),
  });
}
