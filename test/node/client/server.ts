import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** A request as the server got it. */
export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** Counts from 1. */
  readonly number: number;
}

export type Handler = (request: Received, response: ServerResponse) => void | Promise<void>;

export interface Server extends AsyncDisposable {
  readonly url: string;
  /** In the order in which they came in whole. */
  readonly requests: readonly Received[];
  /** The idempotency key of each request. */
  readonly keys: () => (string | undefined)[];
}

/** A real HTTP server on a free port, which behaves as well or as badly as its handler. */
export async function serve(handler: Handler): Promise<Server> {
  const requests: Received[] = [];
  const server = createServer(async (incoming, response) => {
    const { method = '', url: path = '', headers } = incoming;
    try {
      const request = { method, path, headers, body: await buffer(incoming), number: requests.length + 1 };
      requests.push(request);
      await handler(request, response);
    } catch {
      response.destroy();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    keys: () => requests.map(({ headers }) => headers['idempotency-key']?.toString()),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Answers request n with step n, and every later one with the last step. */
export function steps(...handlers: [Handler, ...Handler[]]): Handler {
  return (request, response) => (handlers[request.number - 1] ?? handlers.at(-1))?.(request, response);
}

export const status =
  (code: number, headers: Record<string, string> = {}, body = `status ${code}`): Handler =>
  (_request, response) => {
    response.writeHead(code, headers).end(body);
  };

export const problem = (slug: string, code: number, headers: Record<string, string> = {}): Handler =>
  status(
    code,
    { 'content-type': 'application/problem+json', ...headers },
    JSON.stringify({ type: `https://gateway.example/_oncegate/problems/${slug}`, status: code }),
  );

export const ok = status(200, {}, 'done');

/** Cuts the connection before any answer. */
export const drop: Handler = (_request, response) => {
  response.destroy();
};

/** Never answers. */
export const stall: Handler = () => {};

/** A promise and the function that fulfils it: a signal between a server and its test. */
export function signal<T = void>(): { readonly given: Promise<T>; readonly give: (value: T) => void } {
  let give: (value: T) => void = () => {};
  const given = new Promise<T>((resolve) => {
    give = resolve;
  });
  return { given, give };
}
