import { startGateway } from '../node/harness/gateway.ts';
import { type Origin, startOrigin } from '../node/harness/origin.ts';
import type { RunningScript } from '../node/harness/process.ts';
import { freshGate, post } from '../node/harness/request.ts';

/** A route whose path is as long as none should be. */
export const LONG_ROUTE = `/long/${'a'.repeat(290)}/*`;

export const TOKEN = 'the-admin-token-of-the-tests';

export interface BusyGateway {
  readonly url: string;
  readonly origin: Origin;
  readonly gateway: RunningScript;
  /** A key of each kind, to look for. */
  readonly keys: {
    readonly completed: string;
    readonly unknown: string;
    readonly running: string;
    readonly failed: string;
    readonly long: string;
  };
  stop(): Promise<void>;
}

/** A gateway that something of every kind has come through, and one request is still running. */
export async function startBusyGateway(): Promise<BusyGateway> {
  const origin = await startOrigin();
  const gateway = await startGateway({
    faulty: true,
    vars: {
      UPSTREAM_URL: origin.url,
      ADMIN_TOKEN: TOKEN,
      LEDGER_SHARDS: '2',
      ROUTES: [
        { path: '/payments/*', stripPrefix: '/payments', unknownOutcome: 'refuse' },
        { path: LONG_ROUTE, stripPrefix: LONG_ROUTE.slice(0, -2) },
        { path: '/*' },
      ],
    },
  });
  const { url } = gateway;
  const keys = {
    completed: 'order-4711',
    unknown: 'payment-0815',
    running: 'report-99',
    failed: 'a-failure',
    long: 'far-away-1',
  };
  const gate = freshGate();

  for (let n = 0; n < 3; n += 1) await send(`${url}/count`, keys.completed);
  await send(`${url}${LONG_ROUTE.slice(0, -2)}/count`, keys.long);
  await send(`${url}/count`, keys.completed, 'another order');
  await send(`${url}/status/500`, keys.failed);
  for (let n = 0; n < 14; n += 1) await send(`${url}/payments/bytes/${10 + 9 ** (n % 6)}`, `payment-${n}`);
  for (let n = 0; n < 9; n += 1) await send(`${url}/payments/bytes/11`, `payment-0`);
  await send(`${url}/payments/reset/after-head`, keys.unknown);
  await send(`${url}/payments/reset/after-head`, keys.unknown);
  const running = [post(`${url}/held/${gate}`, keys.running), post(`${url}/held/${gate}`, keys.running)];
  // On a busy machine the tests take longer than a client waits for a head.
  for (const request of running) request.catch(() => {});
  await origin.arrived(gate);
  await counted(url, 'oncegate_runs_total{route="/*"} 3');

  return {
    url,
    origin,
    gateway,
    keys,
    stop: async () => {
      await origin.open(gate);
      await Promise.allSettled(running);
      await gateway.stop();
      await origin.stop();
    },
  };
}

export function asOperator(): { authorization: string } {
  return { authorization: `Bearer ${TOKEN}` };
}

async function send(url: string, key: string, body?: string): Promise<void> {
  const response = await post(url, key, body === undefined ? {} : { body }).catch(() => null);
  await response?.arrayBuffer().catch(() => null);
}

/** Counts are written down within seconds. */
async function counted(url: string, line: string): Promise<void> {
  const WITHIN_MS = 30_000;
  const until = Date.now() + WITHIN_MS;
  for (;;) {
    const metrics = await (await fetch(`${url}/_oncegate/metrics`, { headers: asOperator() })).text();
    if (metrics.includes(line)) return;
    if (Date.now() > until) throw new Error(`the metrics never said ${line}:\n${metrics}`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}
