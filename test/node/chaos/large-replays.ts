/**
 * Large bodies again and again, with readers that leave: it looks for calls that hang.
 *
 *     npx node test/node/chaos/large-replays.ts [--of gateway|bare] [--on workerd|miniflare]
 *       [--from kv|object|runs] [--calls N] [--clients N] [--seed N]
 *
 * `bare`: of a Worker that has nothing of the gateway in it. What hangs there is not the gateway's. `runs`:
 * each call has a key of its own, so that none is a replay.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import bundle from '../harness/bundle.ts';
import { startGateway } from '../harness/gateway.ts';
import '../harness/signals.ts';
import { type BareWorker, startBareWorker } from './bare-worker.ts';
import { CALM_KV, KvServer } from './kv-server.ts';
import { Random } from './random.ts';

/** A call that has not ended by then is hung. */
const CALL_MAX_MS = 30_000;
/** One that takes this long is worth a line. */
const SLOW_MS = 10_000;
/** No more of them are. */
const LINES = 20;
const BODIES = 64;
const LEAVE = 0.15;
/** How long results stay in the ledger where they are to come from KV, and until they have left it. */
const HOT_SECONDS = 2;
const SETTLES_MS = 20_000;
/** Up to so much time before each piece that KV answers with. */
const KV_GAP_MS = 5;

const { values: flags } = parseArgs({
  options: {
    of: { type: 'string', default: 'gateway' },
    on: { type: 'string', default: 'workerd' },
    from: { type: 'string', default: 'kv' },
    calls: { type: 'string', default: '10000' },
    clients: { type: 'string', default: '64' },
    seed: { type: 'string', default: '1' },
  },
});
const random = Random.of(Number(flags.seed), 11);
const sizes = Array.from({ length: BODIES }, () => random.integer(600 * 1024, 1_500 * 1024));
const isBare = flags.of === 'bare';
const { url, stop } = isBare ? await bare() : await gateway();
const agent = new Agent({ keepAlive: true });
const seen = {
  whole: 0,
  left: 0,
  problem: 0,
  broken: 0,
  hung: 0,
  replayed: 0,
  slow: 0,
  slowestMs: 0,
  longestGapMs: 0,
  chunks: 0,
};

await sendAll(BODIES, (n) => call(n, false));
if (!isBare) await sleep(SETTLES_MS);
for (const name of Object.keys(seen)) Reflect.set(seen, name, 0);
const lateness = monitorEventLoopDelay();
lateness.enable();
const startedAt = performance.now();
await sendAll(Number(flags.calls), () => call(random.integer(0, BODIES - 1), random.chance(LEAVE)));
const seconds = Math.round((performance.now() - startedAt) / 1_000);
const ownLatenessMs = Math.round(lateness.max / 1e6);
console.log(JSON.stringify({ ...flags, ...seen, ownLatenessMs, seconds }));
agent.destroy();
await stop();
process.exitCode = seen.hung > 0 ? 1 : 0;

async function sendAll(calls: number, send: (n: number) => Promise<void>): Promise<void> {
  let sent = 0;
  const client = async () => {
    for (let n = sent++; n < calls; n = sent++) await send(n);
  };
  await Promise.all(Array.from({ length: Number(flags.clients) }, client));
}

/** One request for a body. Never rejects: what came of it is in `seen`. */
function call(n: number, leaves: boolean): Promise<void> {
  const from = performance.now();
  return new Promise((resolve) => {
    let bytes = 0;
    let headMs = Number.NaN;
    let lastAt = from;
    let gapMs = 0;
    const heard = () => {
      gapMs = Math.max(gapMs, performance.now() - lastAt);
      lastAt = performance.now();
    };
    let end: 'whole' | 'left' | 'problem' | 'broken' | 'hung' = 'broken';
    const headers = {
      'accept-encoding': 'identity',
      'idempotency-key': flags.from === 'runs' ? randomUUID() : `key-${n}`,
    };
    const sent = request(`${url}/${flags.from}/${n}`, { agent, method: isBare ? 'GET' : 'POST', headers });
    const deadline = setTimeout(() => {
      end = 'hung';
      heard();
      sent.destroy();
    }, CALL_MAX_MS);
    sent.on('response', (response) => {
      headMs = performance.now() - from;
      heard();
      if (response.headers['idempotent-replayed'] === 'true') seen.replayed += 1;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        seen.chunks += 1;
        heard();
        if (!leaves || end === 'left') return;
        end = 'left';
        sent.socket?.resetAndDestroy();
        sent.destroy();
      });
      response.on('end', () => {
        if (response.statusCode !== 200) end = 'problem';
        else if (bytes === sizes[n] && response.complete) end = 'whole';
      });
      response.on('error', () => {});
    });
    sent.on('error', () => {});
    sent.on('close', () => {
      clearTimeout(deadline);
      const ms = performance.now() - from;
      seen[end] += 1;
      seen.slowestMs = Math.max(seen.slowestMs, Math.round(ms));
      seen.longestGapMs = Math.max(seen.longestGapMs, Math.round(gapMs));
      if (ms >= SLOW_MS) {
        seen.slow += 1;
        const times = `the head after ${Math.round(headMs)}, never more than ${Math.round(gapMs)} without a byte`;
        if (end === 'hung' || end === 'broken' || seen.slow <= LINES)
          console.log(`${end}: ${bytes} of ${sizes[n]} bytes in ${Math.round(ms)} ms, ${times}`);
      }
      resolve();
    });
    sent.end();
  });
}

async function gateway(): Promise<BareWorker> {
  bundle();
  const origin = createServer((incoming, response) => {
    incoming.resume();
    response.end(Buffer.alloc(sizes[Number(incoming.url?.split('/').at(-1))] ?? 0));
  });
  // On a busy machine, five seconds are not long between two requests on a connection.
  origin.keepAliveTimeout = 120_000;
  origin.listen(0, '127.0.0.1');
  await once(origin, 'listening');
  const storage = mkdtempSync(`${tmpdir()}/oncegate-large-`);
  const kv = new KvServer(Number(flags.seed), { ...CALM_KV, readGapMs: KV_GAP_MS });
  const vars = {
    UPSTREAM_URL: `http://127.0.0.1:${(origin.address() as AddressInfo).port}`,
    HOT_SECONDS: flags.from === 'kv' ? HOT_SECONDS : 86_400,
    LEDGER_SHARDS: 4,
  };
  const running = await startGateway({
    vars,
    storage,
    ...(flags.on === 'workerd' ? { kvUrl: await kv.start() } : {}),
  });
  return {
    url: running.url,
    stop: async () => {
      await running.stop();
      kv.stop();
      origin.closeAllConnections();
      origin.close();
      rmSync(storage, { recursive: true, force: true });
    },
  };
}

async function bare(): Promise<BareWorker> {
  const kv = new KvServer(Number(flags.seed), { ...CALM_KV, readGapMs: KV_GAP_MS });
  const worker = await startBareWorker(flags.on === 'workerd' ? await kv.start() : null);
  for (const [n, size] of sizes.entries()) {
    await fetch(`${worker.url}/${flags.from}/${n}`, { method: 'PUT', body: new Uint8Array(size) });
  }
  return {
    url: worker.url,
    stop: async () => {
      await worker.stop();
      kv.stop();
    },
  };
}
