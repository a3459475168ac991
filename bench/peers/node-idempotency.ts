/**
 * `@node-idempotency/core` with its Redis adapter, in a proxy on Hono and Node, as its documentation shows
 * it. Arguments: the upstream's URL, the URL of Redis.
 */
import { serve } from '@hono/node-server';
import { Idempotency } from '@node-idempotency/core';
import { RedisStorageAdapter } from '@node-idempotency/storage-adapter-redis';
import { Hono } from 'hono';

const [upstream = '', redis = ''] = process.argv.slice(2);
const storage = new RedisStorageAdapter({ url: redis });
await storage.connect();
const idempotency = new Idempotency(storage, { inProgressStrategy: { wait: true, pollingIntervalMs: 10 } });

const app = new Hono();
app.all('*', async (c) => {
  const text = await c.req.text();
  const { pathname, search } = new URL(c.req.url);
  const headers = c.req.header();
  const request = {
    headers,
    path: pathname + search,
    method: c.req.method,
    ...(text === '' ? {} : { body: JSON.parse(text) }),
  };
  try {
    const before = await idempotency.onRequest<string, never>(request);
    if (before !== undefined) {
      return c.body(before.body ?? '', 200, {
        'content-type': String(before.additional?.contentType),
        'idempotent-replayed': 'true',
      });
    }
  } catch {
    return c.json({ error: 'this key was used for another request' }, 422);
  }
  const response = await fetch(upstream + pathname + search, {
    method: c.req.method,
    headers: {
      'content-type': headers['content-type'] ?? '',
      'idempotency-key': headers['idempotency-key'] ?? '',
    },
    ...(text === '' ? {} : { body: text }),
  });
  const body = await response.text();
  const contentType = response.headers.get('content-type') ?? '';
  await idempotency.onResponse(request, { body, additional: { contentType } });
  return c.body(body, 200, { 'content-type': contentType });
});

serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) => {
  process.stdout.write(`ready http://127.0.0.1:${port}\n`);
});
