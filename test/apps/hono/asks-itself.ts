/**
 * An app that asks itself, as the Worker is asked: its main file wraps the context anew for each request, as
 * tracers do.
 */
import { Hono } from 'hono';
import { idempotency, Ledger } from 'oncegate/hono';

interface Env {
  Bindings: object;
}

const runs: string[] = [];
const app = new Hono<Env>();
app.get('/_seen', (c) => c.json(runs));

/** The request itself is the key, so nothing else tells one from another. */
app.use('/derived/*', idempotency({ key: 'derived' }));
app.post('/derived', async (c) => {
  const body = await c.req.text();
  runs.push(body);
  if (!body.startsWith('outer')) return c.text(`run ${runs.length}`);
  const inner = () => new Request(c.req.url, { method: 'POST', body: body.replace('outer', 'inner') });
  const ctx = c.executionCtx as ExecutionContext;
  const [first, second] = [await worker.fetch(inner(), c.env, ctx), await worker.fetch(inner(), c.env, ctx)];
  return c.json([await first.text(), await second.text()]);
});

/** Each time it is asked, in the ledger's invocation too, the request has another key. */
app.use('/renewed/*', async (c, next) => {
  runs.push('renewed');
  const headers = new Headers(c.req.raw.headers);
  headers.set('idempotency-key', crypto.randomUUID());
  c.req.raw = new Request(c.req.raw, { headers });
  await next();
});
app.use('/renewed/*', idempotency());
app.post('/renewed', (c) => c.text('ran'));

function bound(target: ExecutionContext, name: string | symbol): unknown {
  const member: unknown = Reflect.get(target, name);
  return typeof member === 'function' ? member.bind(target) : member;
}

const worker = {
  fetch(request: Request, env: object, ctx: ExecutionContext): Response | Promise<Response> {
    return app.fetch(request, env, new Proxy(ctx, { get: bound }));
  },
};

export { Ledger };
export default worker;
