/**
 * Large bodies again and again: `node test/node/chaos/large-replays.ts [--of bare|gateway] [--on miniflare|workerd] [--from kv|object]
 * [--calls N] [--clients N] [--seed N]`. `bare`: of a Worker that has nothing of the gateway in it, so that it shows what hangs without it.
 *
 * Readers come and leave as in the chaos run. A call that has not ended in 30 s is hung, and said to be where it was.
 */

import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Miniflare } from 'miniflare';
import { start } from '../../../bench/processes/child.ts';
import { configuration, urlOf, workerdPath } from '../../../bench/workerd.ts';
import bundle from '../harness/bundle.ts';
import { startGateway } from '../harness/gateway.ts';
import { CALM_KV, KvServer } from './kv-server.ts';
import { Random } from './random.ts';

const CALL_MAX_MS = 30_000;
const VALUES = 64;
/** Until results have left the ledger. */
const SETTLES_MS = 20_000;

const { values: flags } = parseArgs({
  options: {
    of: { type: 'string', default: 'bare' },
    on: { type: 'string', default: 'miniflare' },
    from: { type: 'string', default: 'kv' },
    calls: { type: 'string', default: '20000' },
    clients: { type: 'string', default: '96' },
    seed: { type: 'string', default: '1' },
  },
});

const SCRIPT = `
import { DurableObject } from 'cloudflare:workers';
const PIECE = 512 * 1024;
export class Store extends DurableObject {
  put(key, bytes) {
    this.ctx.storage.sql.exec('CREATE TABLE IF NOT EXISTS pieces (key TEXT, n INTEGER, bytes BLOB, PRIMARY KEY (key, n))');
    for (let n = 0; n * PIECE < bytes.byteLength; n += 1)
      this.ctx.storage.sql.exec('INSERT OR REPLACE INTO pieces VALUES (?, ?, ?)', key, n, bytes.slice(n * PIECE, (n + 1) * PIECE));
  }
  get(key) {
    let n = 0;
    return new ReadableStream({ type: 'bytes', pull: (controller) => {
      const [row] = this.ctx.storage.sql.exec('SELECT bytes FROM pieces WHERE key = ? AND n = ?', key, n).toArray();
      n += 1;
      if (row !== undefined) return controller.enqueue(new Uint8Array(row.bytes));
      controller.close();
      controller.byobRequest?.respond(0);
    } }, { highWaterMark: 0 });
  }
}
export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    const [, from, key] = pathname.split('/');
    const store = env.STORE.getByName('one');
    if (request.method === 'PUT') {
      const bytes = await request.arrayBuffer();
      if (from === 'kv') await env.RESULTS.put(key, bytes);
      else await store.put(key, bytes);
      return new Response('put');
    }
    const body = from === 'kv' ? await env.RESULTS.get(key, 'stream') : await store.get(key);
    return new Response(body, { headers: { 'content-type': 'application/json' } });
  },
};`;

const random = Random.of(Number(flags.seed), 1);
const sizes = Array.from({ length: VALUES }, () => random.integer(600 * 1024, 1_500 * 1024));
const { url, stop } = await (flags.of === 'gateway'
  ? gateway()
  : flags.on === 'workerd'
    ? onWorkerd()
    : onMiniflare());
const agent = new Agent({ keepAlive: true });
const lateness = monitorEventLoopDelay();
lateness.enable();
const seen = { replayed: 0, whole: 0, left: 0, broken: 0, hung: 0, 'slow, over 5 s': 0 };
let slowestMs = 0;
for (const [n, size] of sizes.entries()) {
  if (flags.of === 'gateway') await call(n, false);
  else await fetch(`${url}/${flags.from}/${n}`, { method: 'PUT', body: new Uint8Array(size) });
}
// Of the gateway, from here on they come from where the settings say.
if (flags.of === 'gateway') await sleep(SETTLES_MS);
for (const name of Object.keys(seen)) Reflect.set(seen, name, 0);
slowestMs = 0;
const startedAt = performance.now();
let sent = 0;
await Promise.all(
  Array.from({ length: Number(flags.clients) }, async () => {
    while (sent < Number(flags.calls)) {
      sent += 1;
      await call(random.integer(0, VALUES - 1), random.chance(0.15));
    }
  }),
);
console.log(
  JSON.stringify({
    ...flags,
    ...seen,
    slowestMs: Math.round(slowestMs),
    ownLatenessMs: Math.round(lateness.max / 1e6),
    seconds: Math.round((performance.now() - startedAt) / 1_000),
  }),
);
agent.destroy();
await stop();

function call(n: number, leaves: boolean): Promise<void> {
  const from = performance.now();
  return new Promise((resolve) => {
    let bytes = 0;
    let head = -1;
    let gap = 0;
    let last = 0;
    let end: 'whole' | 'left' | 'broken' | 'hung' = 'broken';
    const outgoing = request(`${url}/${flags.from}/${n}`, {
      agent,
      method: flags.of === 'gateway' ? 'POST' : 'GET',
      headers: { 'accept-encoding': 'identity', 'idempotency-key': `key-${n}` },
    });
    const deadline = setTimeout(() => {
      end = 'hung';
      console.log(`hung: ${bytes} of ${sizes[n]} bytes, head after ${Math.round(head)} ms`);
      outgoing.destroy();
    }, CALL_MAX_MS);
    outgoing.on('response', (response) => {
      head = performance.now() - from;
      last = performance.now();
      if (response.headers['idempotent-replayed'] === 'true') seen.replayed += 1;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        gap = Math.max(gap, performance.now() - last);
        last = performance.now();
        if (!leaves || end === 'left') return;
        end = 'left';
        outgoing.socket?.resetAndDestroy();
        outgoing.destroy();
      });
      response.on('error', () => {});
      response.on('end', () => {
        if (response.complete && bytes === sizes[n]) end = 'whole';
      });
    });
    outgoing.on('error', () => {});
    outgoing.on('close', () => {
      clearTimeout(deadline);
      const ms = performance.now() - from;
      slowestMs = Math.max(slowestMs, ms);
      if (ms > 5_000) {
        seen['slow, over 5 s'] += 1;
        if (ms > 12_000)
          console.log(
            `slow: ${Math.round(ms)} ms, ${end}, head after ${Math.round(head)}, longest gap ${Math.round(gap)}, leaves ${leaves}, reused ${outgoing.reusedSocket}`,
          );
      }
      seen[end] += 1;
      resolve();
    });
    outgoing.end();
  });
}

/** Results leave the ledger for KV after two seconds, or stay for ever. */
async function gateway(): Promise<{ url: string; stop: () => Promise<void> }> {
  bundle();
  const origin = createServer((incoming, response) => {
    const size = sizes[Number(incoming.url?.split('/').at(-1))] ?? 0;
    incoming.resume();
    response.end(Buffer.alloc(size));
  });
  origin.listen(0, '127.0.0.1');
  await once(origin, 'listening');
  const storage = mkdtempSync(`${tmpdir()}/oncegate-large-`);
  const kv = new KvServer(1, { ...CALM_KV, readGapMs: 5 });
  const vars = {
    UPSTREAM_URL: `http://127.0.0.1:${(origin.address() as AddressInfo).port}`,
    HOT_SECONDS: flags.from === 'kv' ? 2 : 86_400,
    LEDGER_SHARDS: 4,
  };
  const kvUrl = flags.on === 'workerd' ? { kvUrl: await kv.start() } : {};
  const process = await startGateway({ vars, storage, ...kvUrl });
  return {
    url: process.url,
    stop: async () => {
      await process.stop();
      kv.stop();
      origin.closeAllConnections();
      origin.close();
      rmSync(storage, { recursive: true, force: true });
    },
  };
}

async function onMiniflare(): Promise<{ url: string; stop: () => Promise<void> }> {
  const miniflare = new Miniflare({
    host: '127.0.0.1',
    workers: [
      {
        config: {
          name: 'bare',
          compatibilityDate: '2026-11-01',
          manifest: { mainModule: 'worker.js', modules: { 'worker.js': { type: 'esm', contents: SCRIPT } } },
          env: {
            STORE: { type: 'durable-object', worker: 'bare', exportName: 'Store' },
            RESULTS: { type: 'kv', id: 'results' },
          },
          exports: { Store: { type: 'durable-object', storage: 'sqlite' } },
        },
        dev: { rootPath: tmpdir() },
      },
    ],
  });
  const { origin } = await miniflare.ready;
  return { url: origin, stop: () => miniflare.dispose() };
}

async function onWorkerd(): Promise<{ url: string; stop: () => Promise<void> }> {
  const folder = mkdtempSync(`${tmpdir()}/oncegate-bare-`);
  mkdirSync(`${folder}/storage`);
  writeFileSync(`${folder}/worker.js`, SCRIPT);
  const kv = new KvServer(1, CALM_KV);
  const objects = { binding: 'STORE', className: 'Store' };
  const config = configuration({ kvUrl: await kv.start(), vars: {}, objects, storage: `${folder}/storage` });
  writeFileSync(`${folder}/config.capnp`, config);
  const worker = await start(
    workerdPath(),
    ['serve', `${folder}/config.capnp`, '--control-fd=3'],
    urlOf,
    {},
    'ignore',
  );
  return {
    url: worker.url,
    stop: async () => {
      await worker.stop();
      kv.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
