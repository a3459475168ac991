/** A load on one ledger object by one caller who wants all of its memory, and another caller beside it. */
import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';

export interface Load {
  /** Responses that run: all of their bytes but the last come, and are read as they come. */
  readonly responses: number;
  readonly responseBytes: number;
  /** Requests with a body that the upstream does not take. */
  readonly requests: number;
  readonly requestBytes: number;
  /** Streams that begin and then say nothing. */
  readonly streams: number;
  /** Clients that ask for one recorded result again and do not read it. */
  readonly stalledReaders: number;
  readonly recordedBytes: number;
}

const MIB = 1024 * 1024;

/** What there is at most under any load: docs/limits.md says why. */
export const BOUNDS = {
  /**
   * In array buffers: the bodies of an isolate, what it replays without asking, and what is passing through.
   */
  bufferBytes: (72 + 8 + 8 + 8) * MIB,
  /** What the platform gives an isolate. */
  isolateBytes: 128_000_000,
  /**
   * What the process may take more than at its start: an isolate, and what the runtime and its allocator keep
   * for each connection.
   */
  processBytes: (connections: number) => 128_000_000 + connections * MIB,
} as const;

export interface LoadOutcome {
  /** How many of the greedy caller's requests were answered how: a status, and the problem's slug. */
  readonly answers: ReadonlyMap<string, number>;
  /** What one reader more of the recorded result is told. */
  readonly oneReaderMore: string;
  /** Running responses that came whole in the end. */
  readonly whole: number;
  /** What the other caller was answered meanwhile. */
  readonly others: readonly number[];
  readonly connections: number;
}

const CHUNK = Buffer.alloc(64 * 1024, 'x');
/** A client that has been told nothing by then waits for something that is not over. */
const TOLD_WITHIN_MS = 30_000;

/** The API behind the gateway under such a load. What waits goes on with `open`. */
export async function startLoadedUpstream() {
  const gate = Promise.withResolvers<void>();
  const server = createServer(
    (incoming, response) => void answer(incoming, response, gate.promise).catch(() => {}),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const stop = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url, open: () => gate.resolve(), stop };
}

type Upstream = Awaited<ReturnType<typeof startLoadedUpstream>>;

async function answer(incoming: IncomingMessage, response: ServerResponse, gate: Promise<void>) {
  const { pathname, searchParams } = new URL(incoming.url ?? '/', 'http://upstream');
  const bytes = Number(searchParams.get('bytes'));
  if (pathname === '/take') await gate;
  incoming.resume();
  if (pathname === '/stream')
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n');
  if (pathname === '/running' || pathname === '/recorded') {
    response.writeHead(200);
    for (let sent = 0; sent < bytes - 1; sent += CHUNK.byteLength) {
      const part = CHUNK.subarray(0, Math.min(CHUNK.byteLength, bytes - 1 - sent));
      if (!response.write(part)) await once(response, 'drain');
    }
  }
  if (pathname !== '/recorded' && pathname !== '/quick') await gate;
  response.end('x');
}

/** Puts the load on a gateway. `held` is called when all of it is there, before it is let go. */
export async function load(
  gateway: string,
  upstream: Upstream,
  { responses, responseBytes, requests, requestBytes, streams, stalledReaders, recordedBytes }: Load,
  held: () => Promise<void>,
): Promise<LoadOutcome> {
  const answers = new Map<string, number>();
  const count = (told: string) => answers.set(told, (answers.get(told) ?? 0) + 1);
  let whole = 0;
  const recorded = `/recorded?bytes=${recordedBytes}`;
  await ask(gateway, recorded, 'recorded').ended;

  const running = times(responses, (n) => ask(gateway, `/running?bytes=${responseBytes}`, `running-${n}`));
  const silent = times(streams, (n) => ask(gateway, '/stream', `stream-${n}`));
  await Promise.all([...running, ...silent].map(({ told }) => told.then(count)));
  const ended = running.map(async ({ ended }) => {
    if ((await ended) === responseBytes) whole += 1;
  });
  await Promise.all(running.map(({ arrived }) => arrived(responseBytes - 2 * CHUNK.byteLength)));

  const stalled = times(stalledReaders, () => stalledReader(gateway, recorded, 'recorded'));
  const body = Buffer.alloc(requestBytes);
  const uploads = times(requests, (n) => ask(gateway, '/take', `take-${n}`, { body }));
  // What is not refused waits for the upstream, which takes nothing.
  await Promise.all(uploads.map(({ told }) => Promise.race([told.then(count), pause(TOLD_WITHIN_MS / 3)])));

  const other = { caller: 'other' };
  const others = await Promise.all([
    ask(gateway, '/quick', 'other-small', other).status,
    ask(gateway, '/quick', 'other-large', { ...other, body: Buffer.alloc(1024 * 1024) }).status,
    ask(gateway, '/recorded?bytes=1000000', 'other-recorded', other).status,
  ]);
  const oneReaderMore = await ask(gateway, recorded, 'recorded').told;
  await held();
  const meanwhile = new Map(answers);
  upstream.open();
  await Promise.all(ended);
  for (const { close } of [...uploads, ...silent, ...running]) close();
  for (const socket of stalled) socket.resetAndDestroy();
  return {
    answers: meanwhile,
    oneReaderMore,
    whole,
    others,
    connections: responses + requests + streams + stalledReaders,
  };
}

interface Asked {
  /** The status, and of a problem its slug. */
  readonly told: Promise<string>;
  readonly status: Promise<number>;
  /** Resolves with how many bytes came. */
  readonly ended: Promise<number>;
  /** Resolves when so many bytes have come, or there will be no more. */
  readonly arrived: (bytes: number) => Promise<void>;
  readonly close: () => void;
}

/** One request that reads its response as it comes. */
function ask(
  gateway: string,
  path: string,
  key: string,
  { caller = 'greedy', body }: { readonly caller?: string; readonly body?: Buffer } = {},
): Asked {
  const headers = { 'idempotency-key': key, authorization: caller, 'accept-encoding': 'identity' };
  const sent = httpRequest(`${gateway}${path}`, { method: 'POST', headers, agent: false });
  const response = new Promise<IncomingMessage | null>((resolve) => {
    sent.once('response', resolve).once('error', () => resolve(null));
  });
  let bytes = 0;
  let text = '';
  const watching: { readonly from: number; readonly resolve: () => void }[] = [];
  const ended = response.then(async (incoming) => {
    try {
      for await (const chunk of incoming ?? []) {
        bytes += chunk.byteLength;
        if (text.length < 500) text += chunk;
        for (const { from, resolve } of watching) if (bytes >= from) resolve();
      }
    } catch {
      bytes = -1;
    }
    for (const { resolve } of watching) resolve();
    return bytes;
  });
  sent.end(body);
  return {
    status: response.then((incoming) => incoming?.statusCode ?? 0),
    told: response.then(async (incoming) => {
      if (incoming?.headers['content-type'] !== 'application/problem+json') return `${incoming?.statusCode}`;
      await ended;
      return `${incoming.statusCode} ${/problems\/([\w-]+)/.exec(text)?.[1]}`;
    }),
    ended,
    arrived: (from) =>
      new Promise((resolve) => {
        watching.push({ from, resolve });
        if (bytes >= from) resolve();
        void ended.then(() => resolve());
      }),
    close: () => sent.destroy(),
  };
}

/** A client that takes nothing of what it is sent. */
function stalledReader(gateway: string, path: string, key: string): Socket {
  const { hostname, port, host } = new URL(gateway);
  const socket = connect(Number(port), hostname);
  socket.pause();
  socket.on('error', () => {});
  const fields = `Host: ${host}\r\nAuthorization: greedy\r\nIdempotency-Key: ${key}\r\nContent-Length: 0\r\n`;
  socket.write(`POST ${path} HTTP/1.1\r\n${fields}\r\n`);
  return socket;
}

function times<T>(count: number, make: (n: number) => T): T[] {
  return Array.from({ length: count }, (_, n) => make(n));
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
