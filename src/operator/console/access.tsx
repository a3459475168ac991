/**
 * @module Who may open the console's pages, and by what a form is known to be the console's own.
 * Runs in: the Worker.
 */

import type { Context, MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { OPERATOR_PREFIX } from '../../settings.ts';
import { bearerToken } from '../admin-token.ts';
import type { OperatorApp } from '../app.ts';
import { CHALLENGE, type Judge } from '../auth.ts';
import { documentOf } from '../document.tsx';
import { LOGGED_OUT, type Logins, sameText } from '../login.ts';
import type { Attempt } from '../login-throttle.ts';
import { isLoopback } from '../operator-host.ts';
import { LoginPage } from './login-page.tsx';
import { FORM_TOKEN_FIELD, PAGE_TOKEN_HEADER } from './page.tsx';

const FORM_MAX_BYTES = 8 * 1024;
const FORM_TYPE = 'application/x-www-form-urlencoded';

/**
 * Puts the login in front of everything that is added to the console after this. The cookie alone opens a
 * page only where a browser navigates to it: scripts of the upstream's pages, which may share the origin,
 * cannot read it so. All other requests of a page carry the token that is written in it.
 */
export function addAccess(app: OperatorApp, judge: Judge, logins: Logins, hasOwnHost: boolean): void {
  const access = opensTo(judge, logins, hasOwnHost);
  const forms = [takesOwnFormsOnly, bodyLimit({ maxSize: FORM_MAX_BYTES })] as const;
  for (const path of ['', '/console/*', '/logout']) app.use(path, ...forms, access);
  app.use('/login', ...forms);

  app.get('/login', (c) => loginPage(c, hasOwnHost, {}));
  app.post('/login', async (c) => {
    const { token, to } = await c.req.parseBody();
    const attempt = judge(c, typeof token === 'string' ? token.trim() : '');
    if (attempt.kind !== 'right') return loginPage(c, hasOwnHost, { attempt, to });
    c.header('set-cookie', await logins.issue());
    return c.redirect(placeInConsole(to), 303);
  });
  app.post('/logout', (c) => {
    c.header('set-cookie', LOGGED_OUT);
    return c.redirect(`${OPERATOR_PREFIX}/login`, 303);
  });
}

function opensTo(judge: Judge, logins: Logins, hasOwnHost: boolean): MiddlewareHandler {
  return async (c, next) => {
    const request = c.req.raw;
    const presented = bearerToken(request);
    if (presented !== null) {
      const attempt = judge(c, presented);
      return attempt.kind === 'right' ? next() : loginPage(c, hasOwnHost, { attempt });
    }
    const login = await logins.find(request.headers.get('cookie'));
    if (login === null) return loginPage(c, hasOwnHost, {});
    if (!isNavigation(request) || isForm(request)) {
      const sent = request.headers.get(PAGE_TOKEN_HEADER) ?? (await formToken(c));
      if (!sameText(sent, login.formToken)) return refused(NOT_BY_SCRIPT);
    }
    c.set('formToken', login.formToken);
    return next();
  };
}

/**
 * Whether a browser opens a page in a window. A script cannot claim that for its requests (Fetch Metadata).
 */
function isNavigation({ headers }: Request): boolean {
  return headers.get('sec-fetch-mode') === 'navigate' && headers.get('sec-fetch-dest') === 'document';
}

function isForm({ method }: Request): boolean {
  return method !== 'GET' && method !== 'HEAD';
}

async function formToken(c: Context): Promise<string> {
  const field = isForm(c.req.raw) ? (await c.req.parseBody())[FORM_TOKEN_FIELD] : null;
  return typeof field === 'string' ? field : '';
}

/** Refuses forms that do not come from the console's own origin, in the one encoding that its forms have. */
const takesOwnFormsOnly: MiddlewareHandler = async (c, next) => {
  const { headers, url } = c.req.raw;
  if (!isForm(c.req.raw)) return next();
  if (headers.get('origin') !== new URL(url).origin) return refused(NOT_OF_HERE);
  const [type = ''] = (headers.get('content-type') ?? '').split(';');
  return type.trim().toLowerCase() === FORM_TYPE ? next() : refused(NOT_A_FORM);
};

const NOT_OF_HERE = 'This form is taken from the console’s own pages only.\n';
const NOT_A_FORM = `A form is taken as ${FORM_TYPE} only.\n`;
const NOT_BY_SCRIPT =
  'A login opens the console’s pages where a browser navigates to them, and takes their own forms. It needs a browser that says how it asks (Sec-Fetch-Mode): all do since 2023. Programs send ADMIN_TOKEN as a Bearer token.\n';

function refused(why: string): Response {
  const headers = { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' };
  return new Response(why, { status: 403, headers });
}

function loginPage(
  c: Context,
  hasOwnHost: boolean,
  { attempt, to }: { attempt?: Exclude<Attempt, { kind: 'right' }>; to?: unknown },
): Response | Promise<Response> {
  const url = new URL(c.req.url);
  const wanted = to ?? (isForm(c.req.raw) ? '' : url.pathname + url.search);
  c.header('cache-control', 'no-store');
  if (attempt?.kind === 'wait') c.header('retry-after', String(attempt.seconds));
  else c.header('www-authenticate', CHALLENGE);
  return c.html(
    documentOf(
      <LoginPage
        to={placeInConsole(wanted)}
        host={url.host}
        insecure={url.protocol !== 'http:' ? null : isLoopback(url) ? 'over-loopback' : 'over-a-network'}
        fromElsewhere={c.req.header('sec-fetch-site') === 'cross-site'}
        mayBeKept={hasOwnHost}
        attempt={attempt}
      />,
    ),
    attempt?.kind === 'wait' ? 429 : 401,
  );
}

/** The page that a login leads to, which is always one of the console's. */
function placeInConsole(wanted: unknown): string {
  const base = new URL(`http://here${OPERATOR_PREFIX}/`);
  const url = typeof wanted === 'string' ? URL.parse(wanted, base.href) : null;
  return url !== null && url.origin === base.origin && url.pathname.startsWith(`${OPERATOR_PREFIX}/console/`)
    ? url.pathname + url.search
    : base.pathname + (url?.origin === base.origin && url.pathname === base.pathname ? url.search : '');
}
