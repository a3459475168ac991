import type { MiddlewareHandler } from 'hono';
import { auth } from 'hono/utils/basic-auth';

const encoder = new TextEncoder();

/**
 * Lets through who knows the admin token: as a Bearer token, or as the password of Basic authentication with any user
 * name, so that a browser can log in.
 */
export function needsToken(adminToken: string): MiddlewareHandler {
  return async (c, next) => {
    const presented = presentedToken(c.req.raw);
    if (presented !== null && (await sameSecret(presented, adminToken))) {
      await next();
      return;
    }
    const headers = new Headers({ 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' });
    headers.append('www-authenticate', 'Basic realm="Oncegate", charset="UTF-8"');
    headers.append('www-authenticate', 'Bearer realm="Oncegate"');
    return new Response('This needs ADMIN_TOKEN, as a Bearer token or as the password of any user name.\n', {
      status: 401,
      headers,
    });
  };
}

function presentedToken(request: Request): string | null {
  const [, bearer] = /^Bearer +(\S+) *$/i.exec(request.headers.get('authorization') ?? '') ?? [];
  return bearer ?? auth(request)?.password ?? null;
}

/** Digests of equal length are compared, so that neither the time nor the length tells anything of the secret. */
async function sameSecret(presented: string, expected: string): Promise<boolean> {
  const [a, b] = await Promise.all(
    [presented, expected].map((text) => crypto.subtle.digest('SHA-256', encoder.encode(text))),
  );
  return a !== undefined && b !== undefined && crypto.subtle.timingSafeEqual(a, b);
}
