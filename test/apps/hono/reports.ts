/**
 * An app whose reports take their time, so that clients come back for them. Who comes is found out first. It
 * counts what it runs.
 */
import { Hono } from 'hono';
import { cors } from 'hono/cors';
import { HTTPException } from 'hono/http-exception';
import { idempotency, Ledger, results } from 'oncegate/hono';

interface Env {
  Variables: { user: string };
}

const runs = new Map<string, number>();
const open = new Set<string>();
/** How often each path's handlers ran that are no reports. */
const touched = new Map<string, number>();

function count(map: Map<string, number>, name: string): number {
  const next = (map.get(name) ?? 0) + 1;
  map.set(name, next);
  return next;
}

const app = new Hono<Env>();
app.use(results({ app }));

app.get('/_seen', (c) => c.json({ runs: Object.fromEntries(runs), touched: Object.fromEntries(touched) }));
app.get('/_open/:gate', (c) => c.json(open.add(c.req.param('gate')).size));

app.use(
  '/reports/*',
  cors({ origin: 'https://app.example', credentials: true, exposeHeaders: ['location'] }),
);

/** A token is `NAME.anything`: one user has many. */
app.use(async (c, next) => {
  const [name = '', how] = (c.req.header('authorization') ?? '').replace('Bearer ', '').split('.');
  if (how === 'revoked') throw new HTTPException(401, { message: 'revoked' });
  if (how === 'login') return c.redirect('https://login.example/');
  if (name !== '') c.set('user', name);
  await next();
  c.header('x-served', 'yes');
});

/** What is guarded by its path alone, somewhere before the Worker. */
const touch = (path: string) => count(touched, path);
app.get('/admin/users', (c) => c.text(`secret ${touch('/admin/users')}`));
app.all('/admin/all', (c) => c.text(`secret ${touch('/admin/all')}`));
app.mount('/admin/mounted', () => new Response(`secret ${touch('/admin/mounted')}`));
app.get('/reports/before', (c) => c.text(`secret ${touch('/reports/before')}`));
app.all('/reports/before-all', (c) => c.text(`secret ${touch('/reports/before-all')}`));

const respondAsync = true;
app.use('/reports/*', idempotency<Env>({ respondAsync, scope: (c) => c.get('user') }));

/** Each takes until it is let go, and a query may say how it ends. */
app.post('/reports/:gate', async (c) => {
  const nth = count(runs, `${c.get('user')} ${c.get('idempotency')?.key}`);
  while (!open.has(c.req.param('gate'))) await new Promise((resolve) => setTimeout(resolve, 10));
  return c.json({ run: nth, user: c.get('user'), prefer: c.req.header('prefer') ?? null });
});
app.get('/reports/:gate', (c) => c.text(`read ${touch('/reports/:gate')}`));
app.all('/reports/:gate/all', (c) => c.text(`all ${touch('/reports/:gate/all')}`));

/** Two that match, and a result of either. */
const either = (name: string, methods: string, keyFrom: string) =>
  idempotency({ name, methods, keyFrom, respondAsync });
app.use('/either/*', either('puts', 'PUT', 'X-Put-Key'), either('posts', 'POST', 'Idempotency-Key'));
app.on(['PUT', 'POST'], '/either/a', (c) => c.text(`${c.req.method} ${count(runs, c.req.method)}`));

/** An app with an error handler of its own, mounted in this one. */
const nested = new Hono();
nested.use(idempotency({ respondAsync, scopeFrom: 'Authorization' }));
nested.post('/items', (c) => c.text(`nested ${count(runs, 'nested')}`));
nested.onError((_, c) => c.text('nested', 500));
app.route('/nested', nested);

/** What has no result to come back for. */
app.use('/plain/*', idempotency());
app.post('/plain/a', (c) => c.text(`plain ${count(runs, 'plain')}`));
app.get('/plain/a', (c) => c.text(`plain ${touch('/plain/a')}`));

export { Ledger };
export default app;
