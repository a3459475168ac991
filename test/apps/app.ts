/**
 * A Hono app with the middleware before all that it does, with the settings of a gateway: its handler asks
 * the same upstream. So what holds for a gateway can be tested of an app. A handler that gets no response
 * from there dies, as one may that has begun something.
 */
import { Hono } from 'hono';
import { NOT_FOR_A_HANDLER } from '../../src/hono/checked-options.ts';
import { idempotency, Ledger, operator } from '../../src/hono/index.ts';
import { bindingOf, routeSettings } from '../../src/settings.ts';

interface Env {
  readonly UPSTREAM_URL: string;
  readonly ROUTES?: readonly Readonly<Record<string, unknown>>[];
}

const apps = new WeakMap<Env, Hono>();

/** The settings that hold for all routes, as options. */
function sharedOptions(env: Env): Record<string, unknown> {
  const fields = Object.keys(routeSettings).map((field) => [field, bindingOf(field)] as const);
  const given = fields.filter(([, binding]) => binding !== null && Object.hasOwn(env, binding));
  return Object.fromEntries(given.map(([field, binding]) => [field, Reflect.get(env, binding ?? '')]));
}

function isOption([field]: [field: string, value: unknown]): boolean {
  return !NOT_FOR_A_HANDLER.some((other) => other === field);
}

function appOf(env: Env): Hono {
  const app = new Hono();
  app.route('/', operator({ app }));
  for (const route of env.ROUTES ?? [{}]) {
    const path = String(route.path ?? '/*');
    const base = String(route.upstream ?? env.UPSTREAM_URL);
    const { length } = String(route.stripPrefix ?? '');
    const options = Object.entries({ ...sharedOptions(env), ...route }).filter(isOption);
    app.use(path, idempotency({ name: path, ...Object.fromEntries(options) }));
    app.all(path, (c) => {
      const { pathname, search } = new URL(c.req.url);
      const asked = new Request(base + pathname.slice(length) + search, c.req.raw);
      return fetch(asked, { redirect: 'manual', encodeResponseBody: 'manual' });
    });
  }
  app.onError((error) => {
    throw error;
  });
  return app;
}

export { Ledger };

export default {
  fetch(request, env, ctx) {
    const app = apps.get(env) ?? appOf(env);
    apps.set(env, app);
    return app.fetch(request, env, ctx);
  },
} satisfies ExportedHandler<Env>;
