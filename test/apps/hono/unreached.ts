/** Apps in which the ledger does not come to the handler. Each has a path of its own. */
import { type Context, Hono, type Next } from 'hono';
import { idempotency, Ledger } from 'oncegate/hono';

const ran: string[] = [];

/** An app that is asked by other URLs than the Worker is. */
const shop = new Hono();
shop.use('/orders/*', idempotency());
shop.post('/orders', (c) => c.text(`ran ${ran.push('shop')}`));
const other = new Hono();
other.use('/carts/*', idempotency());
other.post('/carts', (c) => c.text(`ran ${ran.push('cart')}`));

const app = new Hono();
app.get('/_ran', (c) => c.json(ran));
app.mount('/shop', shop.fetch);
app.mount('/other', other.fetch);
app.post('/carts', (c) => c.text(`ran ${ran.push('other cart')}`));

/** What answers in the handler's place, in the invocation of the ledger alone. */
app.use('/dropped/*', async (c, next) => {
  await next();
  const { status } = c.res;
  const text = await c.res.text();
  c.res = undefined;
  c.res = new Response(text, { status });
});
app.use('/counted/*', (c: Context, next: Next) =>
  'oncegate' in (c.executionCtx.props ?? {}) ? Promise.resolve(c.text('slower', 429)) : next(),
);
for (const name of ['dropped', 'counted']) {
  app.use(`/${name}/*`, idempotency({ unknownOutcome: 'refuse', recordStatuses: '200-299,404' }));
  app.post(`/${name}/a`, (c) => c.text(`ran ${ran.push(name)}`));
}

export { Ledger };
export default app;
