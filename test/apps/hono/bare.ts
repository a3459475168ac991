/** The least that an app with the middleware is. */
import { Hono } from 'hono';
import { idempotency, Ledger } from 'oncegate/hono';

const app = new Hono();
app.use('/orders/*', idempotency());
app.post('/orders', (c) => c.json({ ran: true }));
app.get('/orders', (c) => c.text('no order'));

export { Ledger };
export default app;
