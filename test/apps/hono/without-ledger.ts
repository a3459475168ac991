/** An app whose author forgot `export { Ledger }`, and has another object. */
import { DurableObject } from 'cloudflare:workers';
import { Hono } from 'hono';
import { idempotency } from 'oncegate/hono';

const app = new Hono();
app.use('/orders/*', idempotency());
app.post('/orders', (c) => c.json({ ran: true }));

export class Other extends DurableObject {}
export default app;
