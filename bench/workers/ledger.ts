/**
 * The limit of any gateway on Workers that answers a retry from a record: a Durable Object reads a row, calls
 * the upstream, inserts the response, and puts it into KV. In the clear, nothing decided, no streams; its
 * output gate is on, so that no answer leaves before its row is durable. With `COMMITS` 2 there is a row
 * before the upstream is called too, as under `refuse`.
 */
import { DurableObject } from 'cloudflare:workers';

interface Env {
  readonly UPSTREAM_URL: string;
  readonly COMMITS: '1' | '2';
  readonly RESULTS: KVNamespace;
  readonly LEDGER: DurableObjectNamespace<Ledger>;
}

interface Result {
  readonly status: number;
  readonly headers: string[][];
  readonly body: ArrayBuffer;
}

type Row = { status: number | null; headers: string | null; body: ArrayBuffer | null };

/** As many as the gateway has by default. */
const SHARDS = 16;
const TTL_SECONDS = 86_400;

export default {
  async fetch(request, env) {
    const key = request.headers.get('idempotency-key') ?? '';
    const { pathname, search } = new URL(request.url);
    const upstream = `${env.UPSTREAM_URL}${pathname}${search}`;
    const ledger = env.LEDGER.getByName(`ledger:${shardOf(key)}`);
    const body = await request.arrayBuffer();
    const result = await ledger.execute(key, upstream, request.method, [...request.headers], body);
    const response = new Response(result.body, { status: result.status });
    for (const [name = '', value = ''] of result.headers) response.headers.append(name, value);
    return response;
  },
} satisfies ExportedHandler<Env>;

export class Ledger extends DurableObject<Env> {
  readonly #sql = this.ctx.storage.sql;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#sql.exec(
      'CREATE TABLE IF NOT EXISTS results (key TEXT PRIMARY KEY, status INTEGER, headers TEXT, body BLOB) STRICT',
    );
  }

  async execute(
    key: string,
    url: string,
    method: string,
    headers: string[][],
    body: ArrayBuffer,
  ): Promise<Result> {
    const [row] = this.#sql
      .exec<Row>('SELECT status, headers, body FROM results WHERE key = ?', key)
      .toArray();
    if (row !== undefined && row.status !== null) {
      const recorded: string[][] = JSON.parse(row.headers ?? '[]');
      return { status: row.status, headers: recorded, body: row.body ?? new ArrayBuffer(0) };
    }
    const result = await this.#run(key, url, method, headers, body);
    const metadata = { status: result.status, headers: result.headers };
    this.ctx.waitUntil(this.env.RESULTS.put(key, result.body, { expirationTtl: TTL_SECONDS, metadata }));
    return result;
  }

  async #run(
    key: string,
    url: string,
    method: string,
    headers: string[][],
    body: ArrayBuffer,
  ): Promise<Result> {
    const twice = this.env.COMMITS === '2';
    if (twice) this.#sql.exec('INSERT INTO results (key) VALUES (?)', key);
    const request = new Request(url, { method, body, redirect: 'manual' });
    for (const [name = '', value = ''] of headers) request.headers.append(name, value);
    const response = await fetch(request);
    const result = {
      status: response.status,
      headers: [...response.headers],
      body: await response.arrayBuffer(),
    };
    this.#sql.exec(
      twice
        ? 'UPDATE results SET status = ?2, headers = ?3, body = ?4 WHERE key = ?1'
        : 'INSERT INTO results (key, status, headers, body) VALUES (?1, ?2, ?3, ?4)',
      key,
      result.status,
      JSON.stringify(result.headers),
      result.body,
    );
    return result;
  }
}

function shardOf(key: string): number {
  let sum = 0;
  for (let n = 0; n < key.length; n += 1) sum = (31 * sum + key.charCodeAt(n)) >>> 0;
  return sum % SHARDS;
}
