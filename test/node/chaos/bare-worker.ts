import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { Miniflare } from 'miniflare';
import { start } from '../../../bench/processes/child.ts';
import { configuration, urlOf, workerdPath } from '../../../bench/workerd.ts';

export interface BareWorker {
  readonly url: string;
  readonly stop: () => Promise<void>;
}

/**
 * A Worker that takes bodies, and hands them out: `/kv/…` from KV, `/object/…` from an object, in pieces, as
 * a stream over RPC.
 */
const SCRIPT = `
import { DurableObject } from 'cloudflare:workers';

const PIECE_BYTES = 512 * 1024;

export class Store extends DurableObject {
  put(key, bytes) {
    const { sql } = this.ctx.storage;
    sql.exec('CREATE TABLE IF NOT EXISTS pieces (key TEXT, n INTEGER, bytes BLOB, PRIMARY KEY (key, n))');
    for (let n = 0; n * PIECE_BYTES < bytes.byteLength; n += 1) {
      const piece = bytes.slice(n * PIECE_BYTES, (n + 1) * PIECE_BYTES);
      sql.exec('INSERT OR REPLACE INTO pieces VALUES (?, ?, ?)', key, n, piece);
    }
  }

  get(key) {
    let n = 0;
    const pull = (controller) => {
      const sql = 'SELECT bytes FROM pieces WHERE key = ? AND n = ?';
      const [row] = this.ctx.storage.sql.exec(sql, key, n).toArray();
      n += 1;
      if (row !== undefined) return controller.enqueue(new Uint8Array(row.bytes));
      controller.close();
      controller.byobRequest?.respond(0);
    };
    return new ReadableStream({ type: 'bytes', pull }, { highWaterMark: 0 });
  }
}

export default {
  async fetch(request, env) {
    const [, from, key] = new URL(request.url).pathname.split('/');
    const store = env.STORE.getByName('one');
    if (request.method === 'PUT') {
      const bytes = await request.arrayBuffer();
      await (from === 'kv' ? env.RESULTS.put(key, bytes) : store.put(key, bytes));
      return new Response();
    }
    const body = await (from === 'kv' ? env.RESULTS.get(key, 'stream') : store.get(key));
    return new Response(body, { headers: { 'content-type': 'application/json' } });
  },
};`;

/** On workerd itself, with KV at this address; or on Miniflare, with Miniflare's, where there is none. */
export function startBareWorker(kvUrl: string | null): Promise<BareWorker> {
  return kvUrl === null ? onMiniflare() : onWorkerd(kvUrl);
}

async function onMiniflare(): Promise<BareWorker> {
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

async function onWorkerd(kvUrl: string): Promise<BareWorker> {
  const folder = mkdtempSync(`${tmpdir()}/oncegate-bare-`);
  mkdirSync(`${folder}/storage`);
  writeFileSync(`${folder}/worker.js`, SCRIPT);
  const objects = { binding: 'STORE', className: 'Store' };
  const config = configuration({ kvUrl, vars: {}, objects, storage: `${folder}/storage` });
  writeFileSync(`${folder}/config.capnp`, config);
  const args = ['serve', `${folder}/config.capnp`, '--control-fd=3'];
  const worker = await start(workerdPath(), args, urlOf, {}, 'ignore');
  return {
    url: worker.url,
    stop: async () => {
      await worker.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
