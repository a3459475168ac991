/**
 * A Worker whose default export is a class, which serves the app under another export as well, and has
 * objects of its own.
 */
import { DurableObject, WorkerEntrypoint } from 'cloudflare:workers';
import { Hono } from 'hono';
import { idempotency, ledgerWith, operator } from 'oncegate/hono';

interface Bindings {
  COUNTERS: DurableObjectNamespace<Counter>;
}

export class Counter extends DurableObject {
  #count = 0;

  next(): number {
    this.#count += 1;
    return this.#count;
  }
}

const bindings = { ledger: 'ONCE', results: 'ONCE_RESULTS' };
const app = new Hono<{ Bindings: Bindings }>().basePath('/v1');
app.use('/orders/*', idempotency({ bindings }));
app.post('/orders', async (c) =>
  c.json({ run: await c.env.COUNTERS.getByName('orders').next(), props: c.executionCtx.props }),
);

const staff = new Hono<{ Bindings: Bindings }>();
staff.use('*', idempotency({ bindings, entrypoint: 'Staff', name: 'staff' }));
staff.post('/anything', async (c) => c.json({ staff: await c.env.COUNTERS.getByName('staff').next() }));

const whole = new Hono();
whole.route('/', app);
whole.route('/', operator({ app: whole, bindings }));

export default class extends WorkerEntrypoint<object> {
  override fetch(request: Request): Promise<Response> | Response {
    return whole.fetch(request, this.env, this.ctx);
  }
}

export class Staff extends WorkerEntrypoint<object> {
  override fetch(request: Request): Promise<Response> | Response {
    return staff.fetch(request, this.env, this.ctx);
  }
}

export const Ledger = ledgerWith({ results: 'ONCE_RESULTS' });
