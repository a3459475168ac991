/** An app with the middleware, whose handler asks the upstream: what the gateway does, from inside. */
import { Hono } from 'hono';
import { idempotency, Ledger } from '../../src/hono/index.ts';

interface Env {
  Bindings: { UPSTREAM_URL: string };
}

const app = new Hono<Env>();
app.use('*', idempotency());
app.all('*', (c) => {
  const { pathname, search } = new URL(c.req.url);
  return fetch(`${c.env.UPSTREAM_URL}${pathname}${search}`, c.req.raw);
});

export { Ledger };
export default app;
