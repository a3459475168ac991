/** A shop: a page, and the API that its button calls. An order that is sent twice is one order. */
import { Hono } from 'hono';
import { getCookie, setCookie } from 'hono/cookie';
import { html } from 'hono/html';
import { idempotency, Ledger, operator } from 'oncegate/hono';

interface Env {
  Bindings: { DB: D1Database; LEDGER: DurableObjectNamespace<Ledger>; RESULTS: KVNamespace };
  Variables: { customer: string };
}

const app = new Hono<Env>();

// Who it is: runs for every request.
app.use(async (c, next) => {
  const customer = getCookie(c, 'customer') ?? crypto.randomUUID();
  c.set('customer', customer);
  setCookie(c, 'customer', customer, { httpOnly: true, sameSite: 'Lax' });
  await next();
});

app.use('/orders/*', idempotency<Env>({ scope: (c) => c.get('customer'), unknownOutcome: 'refuse' }));

// Runs once for each key, however often it is asked.
app.post('/orders', async (c) => {
  const { item } = await c.req.json<{ item: string }>();
  const order = await c.env.DB.prepare('INSERT INTO orders (customer, item) VALUES (?, ?) RETURNING id, item')
    .bind(c.get('customer'), item)
    .first();
  return c.json(order, 201);
});

app.get('/orders', async (c) => {
  const { results } = await c.env.DB.prepare('SELECT id, item FROM orders WHERE customer = ? ORDER BY id')
    .bind(c.get('customer'))
    .all();
  return c.json(results);
});

app.get('/', (c) =>
  c.html(
    <html lang="en">
      <head>
        <title>Shop</title>
        <meta name="viewport" content="width=device-width" />
      </head>
      <body>
        <h1>Shop</h1>
        <button type="button">Buy a book</button>
        <p>Click twice, as people do.</p>
        <ol />
        {script}
      </body>
    </html>,
  ),
);

/**
 * The key belongs to what the customer means by his click: it changes when an order is there, and not with
 * each request.
 */
const script = html`<script type="module">
  const list = document.querySelector('ol');
  const show = async () => {
    const orders = await (await fetch('/orders')).json();
    list.replaceChildren(...orders.map(({ id, item }) => {
      const line = document.createElement('li');
      line.textContent = 'Order ' + id + ': ' + item;
      return line;
    }));
  };
  let key = crypto.randomUUID();
  document.querySelector('button').addEventListener('click', async () => {
    const headers = { 'content-type': 'application/json', 'idempotency-key': key };
    await fetch('/orders', { method: 'POST', headers, body: JSON.stringify({ item: 'book' }) });
    key = crypto.randomUUID();
    await show();
  });
  await show();
</script>`;

// The operator's console, under /_oncegate/, where ADMIN_TOKEN is set.
app.route('/', operator({ app }));

export { Ledger };
export default app;
