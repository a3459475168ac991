/**
 * An HTTP API in a process of its own, well-behaved or not by the path it is asked for. It remembers each run
 * under the idempotency key that came with it. A path with a gate waits there until the test opens it.
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { WebSocketServer } from 'ws';
import type { OriginTimes, Run } from './origin.ts';
import { codedBody, pattern } from './origin-bodies.ts';

const runs: Run[] = [];
const gates = new Map<string, PromiseWithResolvers<void>>();
/** Gates at which some request has arrived. */
const arrivals = new Map<string, PromiseWithResolvers<void>>();

function slot(map: Map<string, PromiseWithResolvers<void>>, name: string): PromiseWithResolvers<void> {
  const known = map.get(name) ?? Promise.withResolvers<void>();
  map.set(name, known);
  return known;
}

/** Responses that were closed before their end. */
const closings = new Map<string, PromiseWithResolvers<void>>();
/** What happened when to each response, by its name. */
const times = new Map<string, OriginTimes>();

const TICK_MS = 100;

async function waitAt(name: string): Promise<void> {
  slot(arrivals, name).resolve();
  await slot(gates, name).promise;
}

type Behaviour = (context: {
  request: IncomingMessage;
  response: ServerResponse;
  body: Buffer;
  /** The path's second segment. */
  argument: string;
  query: URLSearchParams;
  /** How often this key has run, this time included. */
  run: number;
}) => Promise<void> | void;

const behaviours: Record<string, Behaviour> = {
  count: ({ response, run }) => json(response, 200, { run }),
  status: ({ response, argument, run }) => json(response, Number(argument), { run }),
  'fail-first': ({ response, argument, run }) => json(response, run === 1 ? Number(argument) : 200, { run }),
  /** Waits before the head; `?status` is what it then answers. */
  held: async ({ response, argument, query, run }) => {
    await waitAt(argument);
    json(response, Number(query.get('status') ?? 200), { run });
  },
  /** Head and first part at once, the rest when the gate opens; `?length` announces the length. */
  'held-body': async ({ response, argument, query, run }) => {
    const parts = [`run ${run} begins\n`, 'run ends\n'];
    const length = parts.join('').length;
    response.writeHead(200, {
      'content-type': query.get('type') ?? 'text/plain',
      ...(query.has('length') ? { 'content-length': length } : {}),
    });
    response.write(parts[0]);
    await waitAt(argument);
    if (query.has('truncate') && run === 1) return void response.destroy();
    response.end(parts[1]);
  },
  sse: async ({ response, argument, run }) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(`data: first of run ${run}\n\n`);
    await waitAt(argument);
    response.end('data: last\n\n');
  },
  /** A stream that says something all the time, until it is closed. */
  ticking: ({ response, argument }) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const its = times.get(argument);
    if (its !== undefined) its.headAt = Date.now();
    const tick = () => {
      response.write('data: tick\n\n');
      if (its !== undefined) its.lastByteAt = Date.now();
    };
    tick();
    const ticking = setInterval(tick, TICK_MS);
    response.on('close', () => clearInterval(ticking));
  },
  /** Breaks the connection on the first run: before the head, or after some of the body. */
  reset: ({ request, response, argument, run }) => {
    if (run > 1) return json(response, 200, { run });
    if (argument === 'before-head') return void request.socket.resetAndDestroy();
    response.writeHead(200, argument === 'length' ? { 'content-length': 1000 } : {});
    response.write('some of it', () => request.socket.destroy());
  },
  /** Says nothing at all on the first run: before the head, or after some of the body. */
  silent: ({ response, argument, run }) => {
    if (run > 1) return json(response, 200, { run });
    if (argument === 'body') response.writeHead(200).write('some of it');
  },
  bytes: ({ response, argument, query }) => {
    const bytes = pattern(Number(argument));
    response.writeHead(
      Number(query.get('status') ?? 200),
      query.has('chunked') ? {} : { 'content-length': bytes.length },
    );
    response.end(bytes);
  },
  /** So many bytes of text. */
  text: ({ response, argument }) => {
    response.end('all work and no play '.repeat(Math.ceil(Number(argument) / 21)).slice(0, Number(argument)));
  },
  /** `?size` bytes at once, and the end when the gate opens. */
  'held-end': async ({ response, argument, query }) => {
    response.write(pattern(Number(query.get('size'))));
    await waitAt(argument);
    response.end('end');
  },
  /** Waits before the head, then sends `?size` bytes. */
  'held-bytes': async ({ response, argument, query }) => {
    await waitAt(argument);
    response.end(pattern(Number(query.get('size'))));
  },
  gzip: ({ response }) => {
    response.writeHead(200, { 'content-encoding': 'gzip', 'content-type': 'text/plain' });
    response.end(gzipSync('what was compressed'));
  },
  /**
   * A body in a coding, or one that only claims to be; see `codedBody`. `?gate` waits there before the end.
   */
  coded: async ({ response, argument, query }) => {
    const body = codedBody(argument, query.get('form') ?? 'whole');
    response.setHeader('content-encoding', argument);
    response.setHeader('content-type', 'application/octet-stream');
    response.setHeader('content-digest', `sha-256=:${createHash('sha256').update(body).digest('base64')}:`);
    response.setHeader('etag', '"v1"');
    if (query.has('chunked')) response.flushHeaders();
    else response.setHeader('content-length', body.length);
    const gate = query.get('gate');
    if (gate !== null) {
      response.write(body.subarray(0, 2));
      await waitAt(gate);
    }
    response.end(gate === null ? body : body.subarray(2));
  },
  /** A stream in gzip whose first run says in it that it failed. */
  'coded-sse': ({ response, run }) => {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'content-encoding': 'gzip' });
    response.end(gzipSync(`data: run ${run}\n\n${run === 1 ? 'event: error\ndata: {}\n\n' : ''}`));
  },
  /** In gzip for who asks for it, and says so. */
  negotiated: ({ request, response, run }) => {
    const text = `what was compressed in run ${run}`;
    const accepted = String(request.headers['accept-encoding'] ?? '');
    response.setHeader('content-type', 'application/octet-stream');
    response.setHeader('vary', 'Accept-Encoding');
    response.setHeader('etag', '"v1"');
    response.setHeader('x-asked-for', accepted);
    if (!accepted.includes('gzip')) return void response.end(text);
    response.setHeader('content-encoding', 'gzip');
    response.end(gzipSync(text));
  },
  /** A body without an end, until it is closed: see `closed`. */
  endless: async ({ response, argument, query }) => {
    if (query.has('held')) await waitAt(argument);
    response.writeHead(Number(query.get('status') ?? 200), { location: '/elsewhere' });
    const bytes = pattern(64 * 1024);
    const send = () => {
      while (!response.destroyed && response.write(bytes));
      if (!response.destroyed) response.once('drain', send);
    };
    send();
  },
  'no-content': ({ response }) => void response.writeHead(204).end(),
  redirect: ({ response, argument, query }) => {
    response.writeHead(Number(argument || 307), { location: query.get('to') ?? '/count' }).end();
  },
  created: ({ response, query, run }) => {
    response.setHeader('location', query.get('to') ?? '');
    response.setHeader('content-location', query.get('to') ?? '');
    json(response, 201, { run });
  },
  /** May be kept by any cache. */
  cacheable: ({ response, run }) => {
    response.setHeader('cache-control', 'public, max-age=3600');
    json(response, 200, { run });
  },
  /** Claims to come from the gateway. */
  impostor: ({ response, run }) => {
    response.setHeader('idempotent-replayed', 'true');
    response.setHeader('cache-status', 'other; hit, oncegate; hit; ttl=5');
    json(response, 200, { run });
  },
  /** A field whose bytes are Latin-1. */
  latin: ({ response }) => {
    response.setHeader('x-latin', 'caf\xe9');
    // Node writes a text together with the head, and both of them in UTF-8.
    response.end(Buffer.from('ok'));
  },
  cookies: ({ response, run }) => {
    response.setHeader('set-cookie', ['a=1; Path=/', `b=${run}; HttpOnly`]);
    json(response, 200, { run });
  },
  'hop-by-hop': ({ response, run }) => {
    response.setHeader('connection', 'keep-alive, x-private');
    response.setHeader('x-private', 'for this connection only');
    response.setHeader('proxy-authenticate', 'Basic');
    response.setHeader('x-public', 'for everybody');
    json(response, 200, { run });
  },
  echo: ({ request, response, body }) => {
    json(response, 200, {
      headers: request.rawHeaders,
      bytes: body.length,
      sha256: sha256(body),
      url: request.url,
    });
  },
};

const server = createServer(async (request, response) => {
  const url = new URL(request.url ?? '/', 'http://origin');
  const [behaviour = '', argument = ''] = url.pathname.split('/').slice(1);
  if (behaviour === '_open') {
    slot(gates, argument).resolve();
    return void response.end();
  }
  if (behaviour === '_arrived') {
    await slot(arrivals, argument).promise;
    return void response.end();
  }
  if (behaviour === '_closed') {
    await slot(closings, argument).promise;
    return void response.end();
  }
  if (behaviour === '_runs') return json(response, 200, runs);
  if (behaviour === '_times') return json(response, 200, times.get(argument));

  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  const key = String(request.headers['idempotency-key'] ?? '');
  runs.push({ key, method: request.method ?? '', url: request.url ?? '', bytes: body.length });
  const run = runs.filter((other) => other.key === key).length;
  const behave = behaviours[behaviour];
  if (behave === undefined) return json(response, 404, { error: 'no such behaviour' });
  const its: OriginTimes = { requestAt: Date.now(), headAt: null, lastByteAt: null, closedAt: null };
  times.set(argument, its);
  response.on('close', () => {
    its.closedAt = Date.now();
    if (!response.writableFinished) slot(closings, argument).resolve();
  });
  await behave({ request, response, body, argument, query: url.searchParams, run });
});

new WebSocketServer({ server }).on('connection', (socket) => {
  socket.on('message', (message) => socket.send(`echo ${message}`));
});

function json(response: ServerResponse, status: number, value: unknown): void {
  const body = JSON.stringify(value);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`ready http://127.0.0.1:${port}\n`);
});
process.on('SIGTERM', () => process.exit(0));
