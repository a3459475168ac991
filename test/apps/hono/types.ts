/** Checked by the compiler alone: what the types of an app, of its client and of the options are. */
import { Hono } from 'hono';
import { hc } from 'hono/client';
import { type Idempotency, type IdempotencyOptions, idempotency, type Ledger, operator } from 'oncegate/hono';
import type { NOT_FOR_A_HANDLER } from '../../../src/hono/checked-options.ts';
import type { routeSettings } from '../../../src/settings.ts';

interface Env {
  Bindings: { LEDGER: DurableObjectNamespace<Ledger> };
  Variables: { user: { id: string } };
}

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
export function holds<T extends true>(): T[] {
  return [];
}

const app = new Hono<Env>()
  .use('/orders/*', idempotency())
  .use('/mine/*', idempotency<Env>({ scope: (c) => c.get('user').id }))
  .use('/others/*', idempotency({ scope: (c) => c.get('user').id }))
  .post('/orders', (c) => c.json({ id: 'order_1', for: c.get('user').id }, 201))
  .post('/one', idempotency(), (c) => c.json({ told: c.get('idempotency')?.execution ?? null }, 200))
  .get('/orders/:id', (c) => c.text(c.req.param('id')));

/** The client's types are those of an app without the middleware. */
export async function asked() {
  const client = hc<typeof app>('https://shop.example');
  const order = await client.orders.$post();
  holds<Same<typeof order.status, 201>>();
  const body = await order.json();
  holds<Same<typeof body, { id: string; for: string }>>();
  const told = await (await client.one.$post()).json();
  holds<Same<typeof told, { told: string | null }>>();
  const text = await (await client.orders[':id'].$get({ param: { id: '1' } })).text();
  holds<Same<typeof text, string>>();
}

new Hono().post('/', (c) => {
  const told = c.get('idempotency');
  holds<Same<typeof told, Idempotency | undefined>>();
  return c.text('');
});

// @ts-expect-error: the user has no such member.
idempotency<Env>({ scope: (c) => c.get('user').name });
// @ts-expect-error: not a number of seconds.
idempotency({ ttlSeconds: 'soon' });
// @ts-expect-error: misspelt.
idempotency({ ttlSecond: 5 });
// @ts-expect-error: about an upstream.
idempotency({ upstream: 'https://api.example.com' });

new Hono().route('/', app).route('/', operator({ app }));

/** Every setting of a route is an option with a type, or is about an upstream. */
type Unlisted = Exclude<
  keyof typeof routeSettings,
  keyof IdempotencyOptions | (typeof NOT_FOR_A_HANDLER)[number]
>;
holds<Same<Unlisted, never>>();
