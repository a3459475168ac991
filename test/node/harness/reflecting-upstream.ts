/**
 * An API as many are: it answers preflights by a list of allowed fields that the idempotency key is not in,
 * and shares each response with the one origin that asked. In the process of the test, which decides when
 * what is held goes on.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ReflectingUpstream extends AsyncDisposable {
  readonly url: string;
  /** The method and path of each request that arrived. */
  readonly requests: readonly string[];
  /** Resolves when a request waits at this path. */
  arrived(path: string): Promise<void>;
  /** Lets go on what waits at this path, now or later. */
  open(path: string): void;
}

export interface ReflectingUpstreamOptions {
  /** What its preflights allow. */
  readonly allowedHeaders: string;
}

/**
 * `/held/…` waits before its head, `/stream/…` in its body; `/status/N`, `/bytes/N`, `/drop` and `/silent` do
 * what they say.
 */
export async function startReflectingUpstream(
  options: ReflectingUpstreamOptions,
): Promise<ReflectingUpstream> {
  const requests: string[] = [];
  const arrivals = new Map<string, PromiseWithResolvers<void>>();
  const gates = new Map<string, PromiseWithResolvers<void>>();
  const slot = (map: typeof gates, path: string) => {
    const known = map.get(path) ?? Promise.withResolvers<void>();
    map.set(path, known);
    return known;
  };
  const waitAt = async (path: string) => {
    slot(arrivals, path).resolve();
    await slot(gates, path).promise;
  };

  const behave = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = '', url: path = '' } = request;
    requests.push(`${method} ${path}`);
    share(request, response, options.allowedHeaders);
    const [, behaviour, argument] = path.split('/');
    if (method === 'OPTIONS' && 'access-control-request-method' in request.headers) {
      return void response.writeHead(204).end();
    }
    switch (behaviour) {
      case 'drop':
        return void request.socket.destroy();
      case 'silent':
        return;
      case 'held':
        await waitAt(path);
        break;
      case 'stream':
        response.setHeader('content-type', 'text/event-stream');
        response.write('data: first\n\n');
        await waitAt(path);
        return void response.end('data: last\n\n');
      case 'bytes':
        return void response.end('x'.repeat(Number(argument)));
      case 'status':
        response.statusCode = Number(argument);
    }
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ run: requests.filter((other) => other === `${method} ${path}`).length }));
  };

  const server = createServer((request, response) => {
    request.resume().on('end', () => void behave(request, response));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    arrived: (path) => slot(arrivals, path).promise,
    open: (path) => slot(gates, path).resolve(),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function share(request: IncomingMessage, response: ServerResponse, allowedHeaders: string): void {
  const { origin } = request.headers;
  if (origin === undefined) return;
  response.setHeader('access-control-allow-origin', origin);
  response.setHeader('access-control-allow-headers', allowedHeaders);
  response.setHeader('access-control-allow-methods', 'GET, POST');
  response.setHeader('access-control-expose-headers', 'X-Theirs');
  response.setHeader('vary', 'Origin');
  response.setHeader('x-request-id', 'request-1');
}
