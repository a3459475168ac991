/**
 * Apps that say to clients «come back», some of which have no place, or the wrong one, to come back to. Each
 * has a path of its own.
 */
import { Hono } from 'hono';
import { except } from 'hono/combine';
import { idempotency, Ledger, operator, results } from 'oncegate/hono';

const respondAsync = true;
const apps: Record<string, Hono> = {};

function make(name: string, build: (app: Hono) => void): void {
  const app = new Hono();
  build(app);
  app.post('*', (c) => c.text('ran'));
  apps[name] = app;
}

make('forgotten', (app) => app.use('/forgotten/*', idempotency({ respondAsync })));
make('after', (app) => {
  app.use('/after/*', idempotency({ respondAsync }));
  app.use(results({ app }));
});
make('elsewhere', (app) => {
  app.use('/_oncegate/*', results({ app }));
  app.use('/elsewhere/*', idempotency({ respondAsync }));
});
make('inner', (outer) => {
  const inner = new Hono();
  inner.use(results({ app: inner }));
  inner.use('/inner/*', idempotency({ respondAsync }));
  outer.route('/', inner);
});
make('single', (app) => {
  app.use(results({ app }));
  app.post('/single/a', idempotency({ respondAsync }), (c) => c.text('ran'));
});
make('wrapped', (app) => {
  app.use(results({ app }));
  app.use('/wrapped/*', except('/wrapped/health', idempotency({ respondAsync })));
});
make('operated', (app) => {
  app.route('/', operator({ app }));
  app.use('/operated/*', idempotency({ respondAsync }));
});
make('hosted', (app) => {
  app.route('/', operator({ app, operatorHost: 'ops.example' }));
  app.use('/hosted/*', idempotency({ respondAsync }));
});
make('v1', (root) => {
  const app = root.basePath('/v1');
  app.use(results({ app: root }));
  app.use('/reports/*', idempotency({ respondAsync }));
});

export { Ledger };

export default {
  fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    const name = Object.keys(apps).find((each) => pathname.split('/').includes(each));
    return apps[name ?? '']?.fetch(request, env, ctx) ?? new Response('no such app', { status: 404 });
  },
} satisfies ExportedHandler<object>;
