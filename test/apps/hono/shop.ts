/**
 * An app as many are: who comes is found out first, and then some of it runs once. It counts what it runs.
 */
import { Hono } from 'hono';
import { compress } from 'hono/compress';
import { cors } from 'hono/cors';
import { etag } from 'hono/etag';
import { HTTPException } from 'hono/http-exception';
import { secureHeaders } from 'hono/secure-headers';
import { stream, streamSSE } from 'hono/streaming';
import { idempotency, Ledger } from 'oncegate/hono';

interface Env {
  Bindings: { LEDGER: DurableObjectNamespace; RESULTS: KVNamespace };
  Variables: { user: { id: string } };
}

const runs = new Map<string, number>();
/** Work that was given to `waitUntil` and has been done. */
const afterwards: string[] = [];
/** How often each middleware ran. */
const passed = new Map<string, number>();

function count(map: Map<string, number>, name: string): number {
  const next = (map.get(name) ?? 0) + 1;
  map.set(name, next);
  return next;
}

const app = new Hono<Env>();

app.get('/_seen', (c) =>
  c.json({ runs: Object.fromEntries(runs), afterwards, passed: Object.fromEntries(passed) }),
);

app.use(async (c, next) => {
  const user = c.req.header('x-user');
  if (user !== undefined) c.set('user', { id: user });
  c.header('x-request', crypto.randomUUID());
  c.header('set-cookie', `visit=${crypto.randomUUID()}`, { append: true });
  await next();
  c.header('x-served', 'yes');
});

app.use('/orders/*', idempotency({ unknownOutcome: 'refuse' }));
app.use('/orders/*', async (c, next) => {
  count(passed, `after ${c.get('idempotency')?.key}`);
  await next();
});

const run = (key: string | undefined) => count(runs, key ?? 'without');

app.post('/orders', async (c) => {
  const told = c.get('idempotency');
  return c.json({ run: run(told?.key), told, body: await c.req.text() }, 201);
});
app.get('/orders', (c) => c.json({ told: c.get('idempotency') ?? null }));

app.on('POST', ['/orders/request', '/plain/request'], async (c) => {
  const { raw } = c.req;
  const body = await c.req.arrayBuffer();
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', body)).toHex();
  c.executionCtx.waitUntil(
    new Promise<void>((resolve) =>
      setTimeout(() => {
        afterwards.push(c.get('idempotency')?.key ?? '');
        resolve();
      }, 20),
    ),
  );
  return c.json({
    url: raw.url,
    method: raw.method,
    headers: [...raw.headers],
    bytes: body.byteLength,
    digest,
    country: Reflect.get(raw, 'cf')?.country ?? null,
    bindings: Object.keys(c.env).toSorted(),
    props: c.executionCtx.props,
  });
});

app.post('/orders/none', (c) => {
  run(c.get('idempotency')?.key);
  return c.body(null, 204);
});
app.post('/orders/cookies', (c) => {
  c.header('set-cookie', 'a=1; Path=/', { append: true });
  c.header('set-cookie', `b=${run(c.get('idempotency')?.key)}; HttpOnly`, { append: true });
  c.header('x-mine', 'ö');
  return c.text('two');
});
app.post('/orders/throws/:how', (c) => {
  const nth = run(c.get('idempotency')?.key);
  if (nth > 1) return c.json({ run: nth });
  switch (c.req.param('how')) {
    case 'http':
      throw new HTTPException(409, { message: 'sold out' });
    case 'text':
      throw 'no Error at all';
    default:
      throw new Error('broken');
  }
});
app.post('/orders/streamed', (c) => {
  const nth = run(c.get('idempotency')?.key);
  return stream(c, async (out) => {
    for (const part of ['first ', 'second ', `run ${nth}`]) {
      await out.write(part);
      await out.sleep(10);
    }
  });
});
app.post('/orders/events', (c) =>
  streamSSE(c, async (out) => {
    await out.writeSSE({ data: `run ${run(c.get('idempotency')?.key)}` });
    await out.writeSSE({ data: 'done' });
  }),
);
app.post('/orders/slow', async (c) => {
  const nth = run(c.get('idempotency')?.key);
  await new Promise((resolve) => setTimeout(resolve, 500));
  return c.json({ run: nth });
});
app.post('/orders/coded', (c) => {
  run(c.get('idempotency')?.key);
  const coded = new Response('what was compressed, '.repeat(100)).body?.pipeThrough(
    new CompressionStream('gzip'),
  );
  return new Response(coded, { headers: { 'content-encoding': 'gzip' }, encodeBody: 'manual' });
});

/** Two that both match: the first takes it. */
app.use('/twice/*', idempotency({ name: 'outer', ttlSeconds: 100 }));
app.use('/twice/*', async (c, next) => {
  count(passed, `between ${c.req.header('idempotency-key')}`);
  await next();
});
app.use('/twice/*', idempotency({ name: 'inner', ttlSeconds: 1_000 }));
app.post('/twice/a', (c) => c.json({ run: run(c.get('idempotency')?.key) }));

/** The first leaves what it does not take to the second. */
app.use('/either/*', idempotency({ name: 'puts', methods: 'PUT', ttlSeconds: 100 }));
app.use('/either/*', async (c, next) => {
  c.header('set-cookie', 'between=1', { append: true });
  await next();
});
app.use('/either/*', idempotency({ name: 'posts', key: 'derived', ttlSeconds: 1_000 }));
app.on(['POST', 'PUT'], '/either/a', (c) => c.json({ run: run(c.get('idempotency')?.key) }));

/** Who the caller is, the app knows. */
app.use('/mine/*', idempotency({ scope: (c) => c.get('user').id }));
app.post('/mine', (c) =>
  c.json({ user: c.get('user').id, run: run(`${c.get('user').id}/${c.get('idempotency')?.key}`) }),
);
app.use('/nobody/*', idempotency({ scope: () => null }));
app.post('/nobody', (c) => c.json({ run: run(c.get('idempotency')?.key) }));
app.use('/forgot/*', idempotency({ scope: (c) => c.get('userId' as never) as string }));
app.post('/forgot', (c) => c.json({ run: run(c.get('idempotency')?.key) }));

/** Middleware of one handler, and of an app in the app. */
app.post('/one', idempotency(), (c) => c.json({ run: run(c.get('idempotency')?.key) }));
const nested = new Hono<Env>();
nested.use(idempotency());
nested.post('/items', (c) => c.json({ run: run(c.get('idempotency')?.key) }));
nested.onError((error, c) => c.json({ nested: error.message }, 500));
nested.post('/fails', () => {
  throw new Error('inside');
});
app.route('/nested', nested);

/** A signature is verified over the body before. */
app.use('/hooks/*', async (c, next) => {
  const read = c.req.query('read');
  if (read === 'text') await c.req.text();
  if (read === 'json') await c.req.json();
  if (read === 'arrayBuffer') await c.req.arrayBuffer();
  if (read === 'formData') await c.req.formData();
  if (read === 'stream') {
    const { body } = c.req.raw;
    const source = body?.getReader();
    const again = new ReadableStream({
      async pull(controller) {
        const { done, value } = (await source?.read()) ?? { done: true, value: undefined };
        if (done) controller.close();
        else controller.enqueue(value);
      },
    });
    c.req.raw = new Request(c.req.raw, { body: again });
  }
  await next();
});
app.use('/hooks/*', idempotency());
app.post('/hooks/in', async (c) => c.json({ body: await c.req.text(), run: run(c.get('idempotency')?.key) }));

/** Before it stands what changes responses on their way out, as Hono has it. */
app.use(
  '/dressed/*',
  cors({ origin: 'https://app.example', credentials: true }),
  secureHeaders(),
  compress(),
  etag(),
);
app.use('/dressed/*', idempotency());
app.post('/dressed', (c) => {
  c.header('vary', 'Accept-Language');
  return c.json({ run: run(c.get('idempotency')?.key), filler: 'all work and no play '.repeat(100) });
});

/** The key is in the body, if anywhere. */
app.use('/events/*', idempotency({ keyFrom: 'json:/id', key: 'optional' }));
app.post('/events', async (c) =>
  c.json({
    told: c.get('idempotency')?.key ?? null,
    body: await c.req.text(),
    run: run(c.get('idempotency')?.key),
  }),
);

/** Middleware that asks its own app before the request comes to what may pass. */
app.use('/late/*', async (c, next) => {
  const also = c.req.header('x-also');
  if (also !== undefined) {
    // Another ledger's with the same key, and the same ledger's with another.
    for (const [path, key = ''] of [
      ['/orders', c.req.header('idempotency-key')],
      ['/late', also],
    ] as const) {
      const headers = { 'idempotency-key': key };
      const asked = new Request(new URL(path, c.req.url), { method: 'POST', headers });
      await (await app.fetch(asked, c.env, c.executionCtx)).text();
    }
  }
  await next();
});
app.use('/late/*', idempotency());
app.post('/late', (c) =>
  c.json({ told: c.get('idempotency'), run: run(`late ${c.req.header('idempotency-key')}`) }),
);

/** A handler that asks its own app, in its own invocation. */
app.use('/batch', idempotency());
app.post('/batch', async (c) => {
  const order = new Request(new URL('/orders', c.req.url), {
    method: 'POST',
    headers: { 'idempotency-key': c.req.query('order') ?? '' },
    body: 'from the batch',
  });
  const first = await app.fetch(order.clone(), c.env, c.executionCtx);
  const second = await app.fetch(order, c.env, c.executionCtx);
  return c.json([await first.json(), await second.json(), second.headers.get('idempotent-replayed')]);
});

/** What nobody may reach without the ledger. */
app.use('/guarded/*', idempotency());
app.post('/guarded', (c) =>
  c.json({ run: run(c.req.header('x-attempt')), told: c.get('idempotency') ?? null }),
);

export { Ledger };

/** Another object of the same Worker. */
export class Other {
  fetch() {
    return new Response('other');
  }
}

export default app;
