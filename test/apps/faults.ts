/**
 * Faults to order for a Worker that has a ledger: KV and the ledger can be put out of reach. For tests only.
 * `POST /_fault/NAME` sets the fault in the Worker and in every ledger object, `DELETE` ends it.
 * `POST /_fault/reset` ends every ledger object at once, with whatever it was doing, as the platform does
 * when it moves one.
 */
import { configOf } from '../../src/config.ts';
import { Ledger as RealLedger } from '../../src/ledger/ledger.ts';

type Fault = 'kv' | 'ledger';

/** One isolate runs the Worker and the ledger objects, so one variable reaches them all. */
const faults = new Set<Fault>();

function failing<T extends object>(target: T, fault: Fault): T {
  return new Proxy(target, {
    get(real, name) {
      const member: unknown = Reflect.get(real, name);
      if (typeof member !== 'function') return member;
      return (...args: unknown[]) => {
        if (faults.has(fault)) throw new Error(`${fault} is out of reach`);
        return Reflect.apply(member, real, args);
      };
    },
  });
}

interface Env {
  RESULTS: KVNamespace;
  LEDGER: DurableObjectNamespace<Ledger>;
}

const faultyEnvs = new WeakMap<Env, Env>();

function withFaults(env: Env): Env {
  const known = faultyEnvs.get(env);
  if (known !== undefined) return known;
  const faulty = { ...env, RESULTS: failing(env.RESULTS, 'kv'), LEDGER: failing(env.LEDGER, 'ledger') };
  faultyEnvs.set(env, faulty);
  return faulty;
}

export class Ledger extends RealLedger {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, withFaults(env));
  }

  die(): void {
    this.ctx.abort('reset on order');
  }
}

async function resetLedgers(env: Env): Promise<void> {
  const config = configOf(env);
  if (!config.ok) throw new Error('the configuration is invalid');
  const names = config.config.routes.flatMap(({ path, shards }) =>
    Array.from({ length: shards }, (_, shard) => `${path}:${shard}`),
  );
  // The call never returns: the object that would answer it is gone.
  await Promise.allSettled(names.map((name) => env.LEDGER.getByName(name).die()));
}

/** What it is bound to beside the ledger is its own matter. */
interface Worker {
  fetch(request: Request, env: never, ctx: ExecutionContext): Response | Promise<Response>;
}

/** The Worker with faults to order. */
export function withFaultsToOrder(worker: Worker) {
  return {
    async fetch(request: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
      const [, fault] = /^\/_fault\/(kv|ledger|reset)$/.exec(new URL(request.url).pathname) ?? [];
      if (fault === 'reset') {
        await resetLedgers(env);
        return new Response(null, { status: 204 });
      }
      if (fault === 'kv' || fault === 'ledger') {
        if (request.method === 'POST') faults.add(fault);
        else faults.delete(fault);
        return new Response(null, { status: 204 });
      }
      return worker.fetch(request, withFaults(env) as never, ctx);
    },
  };
}
