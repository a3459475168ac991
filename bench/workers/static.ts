/** The limit of any Worker with Hono in it: a reply that does no work. */
import { Hono } from 'hono';

const body = `{"pad":"${'x'.repeat(1014)}"}`;
const app = new Hono();
app.all('*', (c) => c.body(body, 200, { 'content-type': 'application/json' }));

export default app;
