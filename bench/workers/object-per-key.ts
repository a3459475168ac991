/**
 * The design of the tutorials, written with care: Hono, KV asked first, and a Durable Object for each key
 * that runs the request, records its response, lets others wait for it, and forgets it at the end of the TTL.
 */
import { DurableObject } from 'cloudflare:workers';
import { Hono } from 'hono';

interface Env {
  readonly UPSTREAM_URL: string;
  readonly RESULTS: KVNamespace;
  readonly KEYS: DurableObjectNamespace<IdempotencyKey>;
}

interface Result {
  readonly fingerprint: string;
  readonly status: number;
  readonly headers: string[][];
  readonly body: string;
}

type Call = [id: string, fingerprint: string, url: string, method: string, headers: string[][], body: string];

type Answer = { readonly result: Result; readonly replayed: boolean } | 'key-reused';

const TTL_SECONDS = 86_400;

const app = new Hono<{ Bindings: Env }>();

app.all('*', async (c) => {
  const key = c.req.header('idempotency-key');
  const url = new URL(c.req.url);
  const upstream = `${c.env.UPSTREAM_URL}${url.pathname}${url.search}`;
  if (key === undefined) return fetch(upstream, c.req.raw);
  const body = await c.req.text();
  const [id, fingerprint] = await Promise.all([
    digest(`${c.req.header('authorization') ?? ''}\n${key}`),
    digest(`${c.req.method} ${url.pathname}${url.search}\n${body}`),
  ]);
  const stored = await c.env.RESULTS.get<Result>(id, 'json');
  if (stored !== null) {
    return respond(stored.fingerprint === fingerprint ? { result: stored, replayed: true } : 'key-reused');
  }
  const object = c.env.KEYS.getByName(id);
  return respond(await object.execute(id, fingerprint, upstream, c.req.method, [...c.req.raw.headers], body));
});

export default app;

export class IdempotencyKey extends DurableObject<Env> {
  #running: { readonly fingerprint: string; readonly result: Promise<Result> } | null = null;

  async execute(...call: Call): Promise<Answer> {
    const [, fingerprint] = call;
    if (this.#running === null) {
      const stored = this.ctx.storage.kv.get<Result>('result');
      if (stored !== undefined) {
        return stored.fingerprint === fingerprint ? { result: stored, replayed: true } : 'key-reused';
      }
    }
    if (this.#running !== null) {
      if (this.#running.fingerprint !== fingerprint) return 'key-reused';
      return { result: await this.#running.result, replayed: true };
    }
    this.ctx.storage.kv.put('intent', { fingerprint, at: Date.now() });
    const result = this.#run(...call);
    this.#running = { fingerprint, result };
    try {
      return { result: await result, replayed: false };
    } finally {
      this.#running = null;
    }
  }

  async #run(...[id, fingerprint, url, method, headers, body]: Call): Promise<Result> {
    const response = await fetch(url, { method, headers, body: body === '' ? null : body });
    const result: Result = {
      fingerprint,
      status: response.status,
      headers: [...response.headers],
      body: await response.text(),
    };
    if (response.ok) {
      this.ctx.storage.kv.put('result', result);
      await this.ctx.storage.setAlarm(Date.now() + TTL_SECONDS * 1000);
      this.ctx.waitUntil(this.env.RESULTS.put(id, JSON.stringify(result), { expirationTtl: TTL_SECONDS }));
    } else {
      await this.ctx.storage.deleteAll();
    }
    return result;
  }

  override async alarm(): Promise<void> {
    await this.ctx.storage.deleteAll();
  }
}

function respond(answer: Answer): Response {
  if (answer === 'key-reused') {
    return Response.json({ error: 'this key was used for another request' }, { status: 422 });
  }
  const { status, headers, body } = answer.result;
  const response = new Response(body, { status, headers });
  if (answer.replayed) response.headers.set('idempotent-replayed', 'true');
  return response;
}

async function digest(text: string): Promise<string> {
  const bytes = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)));
  return bytes.toHex();
}
