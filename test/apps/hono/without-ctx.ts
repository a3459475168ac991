/** Apps whose main file keeps the context back, or something of it, and one that only looks as if. */
import { Hono } from 'hono';
import { idempotency, Ledger } from 'oncegate/hono';

const app = new Hono();
app.use('/orders/*', idempotency());
app.post('/orders', (c) => c.json({ ran: true }));

export { Ledger };

export default {
  fetch(request, env, ctx) {
    switch (new URL(request.url).searchParams.get('ctx')) {
      case 'none':
        return app.fetch(request, env);
      case 'own':
        return app.fetch(request, env, {
          waitUntil: (promise: Promise<unknown>) => ctx.waitUntil(promise),
          passThroughOnException() {},
        } as ExecutionContext);
      default:
        return app.fetch(request, env, new Proxy(ctx, { get: (target, name) => bound(target, name) }));
    }
  },
} satisfies ExportedHandler<object>;

/** As wrappers do that trace what an app does. */
function bound(target: ExecutionContext, name: string | symbol): unknown {
  const member: unknown = Reflect.get(target, name);
  return typeof member === 'function' ? member.bind(target) : member;
}
